"""Distribution of each metric, as HoloViews."""

from __future__ import annotations

from typing import Any

import holoviews as hv
import numpy as np
import pandas as pd

from lensfree_nb.dashboards.figure import ACCENT, METRIC_LABELS
from lensfree_nb.dashboards.selection import is_whole

BINS = 40


def distributions(cells: pd.DataFrame) -> Any:
    """A histogram a metric, units on the axes; cut and untrusted cells are left out.

    Returns
    -------
    holoviews.Layout
    """
    whole = cells[is_whole(cells)]
    return (
        hv.Layout(
            [
                _histogram(whole[metric].to_numpy(float), label)
                for metric, label in METRIC_LABELS.items()
                if metric in whole
            ]
        )
        .opts(shared_axes=False)
        .cols(2)
    )


def _histogram(values: Any, label: str) -> Any:
    finite = values[np.isfinite(values)]
    counts, edges = np.histogram(finite, bins=BINS) if len(finite) else ([0], [0.0, 1.0])
    median = f"median {np.median(finite):.3g}, n = {len(finite)}" if len(finite) else "no cells"
    return hv.Histogram((edges, counts), kdims=[label], vdims=["cells"], label=median).opts(
        color=ACCENT, line_color="white", width=380, height=240
    )
