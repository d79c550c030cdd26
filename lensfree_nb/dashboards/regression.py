"""Estimated on reference values of each metric, as HoloViews."""

from __future__ import annotations

from typing import Any

import holoviews as hv
import numpy as np
import pandas as pd

from lensfree_nb.dashboards.figure import ACCENT, METRIC_LABELS, MUTED
from lensfree_nb.dashboards.selection import is_whole
from lensfree_nb.evaluate.pairing import MAX_DISTANCE_UM, pair
from lensfree_nb.evaluate.regression import agreement


def regression(
    cells: pd.DataFrame, reference: pd.DataFrame, *, max_distance_um: float = MAX_DISTANCE_UM
) -> Any:
    """A scatter a metric over paired, whole, trusted cells, with the identity and the fit.

    Returns
    -------
    holoviews.Layout
        Titles give R², slope, bias and MAD (equation 6).
    """
    found = pair(cells, reference, max_distance_um)
    mine, theirs = cells.iloc[found.estimated], reference.iloc[found.reference]
    whole = is_whole(mine)
    mine, theirs = mine[whole], theirs[whole]
    return (
        hv.Layout(
            [
                _scatter(mine[metric].to_numpy(float), theirs[metric].to_numpy(float), label)
                for metric, label in METRIC_LABELS.items()
                if metric in mine and metric in theirs
            ]
        )
        .opts(shared_axes=False)
        .cols(2)
    )


def _scatter(estimated: Any, reference: Any, label: str) -> Any:
    score = agreement(estimated, reference)
    title = (
        f"R² {score.r2:.3f}, slope {score.slope:.2f}, bias {score.bias_percent:+.1f} %, "
        f"MAD {score.mad:.3g}"
    )
    points = hv.Scatter((reference, estimated), f"reference {label}", f"estimated {label}").opts(
        color=ACCENT, size=3, alpha=0.6, title=title, width=380, height=340, fontsize={"title": 8}
    )
    if not len(reference):
        return points
    ends = np.array([reference.min(), reference.max()])
    identity = hv.Curve((ends, ends)).opts(color=MUTED, line_dash="dashed")
    fit = hv.Curve((ends, score.slope * ends + score.intercept)).opts(color="#d1495b")
    return points * identity * fit
