"""By how much the standard errors that a network draws are stretched: to hold what they claim.

A network sees the OPD alone, and one of a poor microscope looks much like one of a good one. How
much of its hologram a frame leaves unexplained (``residual`` of ``reconstruct``) tells them apart.
And of the cells around one, which disturb it, a network makes more or less than they are worth.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lensfree_nb.nets.header import GROWS, SE_FACTOR
from lensfree_nb.nets.units import PITCH_UM
from lensfree_nb.quantify.measure import local_density

if TYPE_CHECKING:
    from torch import Tensor

RESIDUAL, DENSITY = "residual", "density_per_mm2"
# How far off (µm) the cells are that crowd one, and that in pixels.
CROWD_UM: Final = 160.0
CROWD_PX: Final = math.ceil(CROWD_UM / PITCH_UM)


def stretches(
    options: Mapping[str, Any],
    metrics: Sequence[str],
    told: Mapping[str, ArrayLike],
) -> NDArray[np.float64]:
    """By which factor the errors of each metric are multiplied.

    Parameters
    ----------
    options : mapping
        Of a network: ``se_factor``, and ``se_grows``, where errors were found to grow with the
        ``residual`` or the ``density_per_mm2``: of either the ``range`` among the fields that they
        were held against, what is ``typical`` of these, and for each metric the ``power`` by which
        errors grow.
    metrics : sequence of str
        Which.
    told : mapping of str to array_like, shape () or (n,)
        The residual of the frame (share of the hologram's contrast), and the density about each
        cell. NaN where it is not known, and a typical one counts. One beyond the range counts as
        its end.

    Returns
    -------
    ndarray, shape (metric, n)
        One column where nothing is told of each cell.

    Examples
    --------
    >>> grows = {"residual": {"range": [0.1, 0.4], "typical": 0.1, "power": {"area_um2": 0.5}}}
    >>> options = {"se_factor": {"area_um2": 1.5}, "se_grows": grows}
    >>> stretches(options, ["area_um2"], {"residual": np.array([0.4, 0.9, np.nan])}).tolist()
    [[3.0, 3.0, 1.5]]
    """
    factors = [float(options.get(SE_FACTOR, {}).get(metric, 1.0)) for metric in metrics]
    found = np.array(factors)[:, None]
    for name, term in options.get(GROWS, {}).items():
        low, high = term["range"]
        here = np.atleast_1d(np.asarray(told.get(name, math.nan), np.float64))
        over = np.where(np.isnan(here), 1.0, np.clip(here, low, high) / term["typical"])
        powers = [float(term["power"].get(metric, 0.0)) for metric in metrics]
        found = found * over ** np.array(powers)[:, None]
    return found


def crowding(centres: Tensor, shape: Sequence[int]) -> NDArray[np.float64]:
    """Cells per mm² within 160 µm of each.

    Parameters
    ----------
    centres : Tensor, shape (n, 2)
        Rows and columns.
    shape : (int, int)
        Of the image, in pixels that networks know.
    """
    points_um = centres.cpu().numpy() * PITCH_UM
    return local_density(points_um, [n * PITCH_UM for n in shape], CROWD_UM)
