"""By how much the standard errors that a network draws are stretched: to hold what they claim.

A network sees the OPD alone, and one of a poor microscope looks much like one of a good one. How
much of its hologram a frame leaves unexplained (``residual`` of ``reconstruct``) tells them apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

RESIDUAL: Final = "se_residual"


def stretches(options: Mapping[str, Any], residual: float = math.nan) -> dict[str, float]:
    """By which factor the errors of each metric are multiplied.

    Parameters
    ----------
    options : mapping
        Of a network: ``se_factor``, and where it was told of residuals ``se_residual``: their
        ``range`` among the fields that it was held against, what is ``typical`` of these, and for
        each metric the ``power`` by which errors grow with them.
    residual : float
        Of the frame (share of the hologram's contrast); NaN where it is not known, and a typical
        one counts. One beyond the range counts as its end.

    Examples
    --------
    >>> told = {"range": [0.1, 0.4], "typical": 0.1, "power": {"area_um2": 0.5}}
    >>> options = {"se_factor": {"area_um2": 1.5}, "se_residual": told}
    >>> stretches(options, 0.4), stretches(options, 0.9), stretches(options)
    ({'area_um2': 3.0}, {'area_um2': 3.0}, {'area_um2': 1.5})
    """
    factors = {metric: float(factor) for metric, factor in options.get("se_factor", {}).items()}
    told = options.get(RESIDUAL)
    if not told or math.isnan(residual):
        return factors
    least, most = told["range"]
    over = min(max(residual, least), most) / told["typical"]
    return {
        metric: factor * over ** told["power"].get(metric, 0.0)
        for metric, factor in factors.items()
    }
