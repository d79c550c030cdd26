"""Agreement against how crowded it is, as HoloViews: what a frame's mean score hides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import holoviews as hv
import numpy as np
import pandas as pd

from lensfree_nb.contract import METRIC_UNITS
from lensfree_nb.dashboards.bokeh import draw_by_bokeh
from lensfree_nb.dashboards.figure import ACCENT, METRIC_LABELS, MUTED
from lensfree_nb.evaluate.density import BANDS_PER_MM2, DENSITY, compare_by_density
from lensfree_nb.evaluate.pairing import MAX_DISTANCE_UM
from lensfree_nb.evaluate.paper import paper_table_1

SHOWN: Final = {"r2": "R²", "slope": "slope", "mad": "MAD", "bias_percent": "bias (%)"}
OVER: Final = hv.Dimension(DENSITY, label="cells per mm²")
PAPER: Final = "Allier 2022, table 1 (against its standard pipeline)"


def density_panel(
    cells: pd.DataFrame,
    reference: pd.DataFrame,
    *,
    bands_per_mm2: Sequence[float] = BANDS_PER_MM2,
    max_distance_um: float = MAX_DISTANCE_UM,
    include_edge: bool = False,
    against: str = "the reference",
) -> Any:
    """R², slope, MAD and bias of each metric over the density around the cells.

    Beside each the paper's own row, where it has one: it is of other cells, and held against
    another reference.

    Parameters
    ----------
    cells, reference, bands_per_mm2, max_distance_um, include_edge
        As of :func:`lensfree_nb.evaluate.density.compare_by_density`.
    against : str
        What the reference is, for the legend; simulated truth is called simulated.

    Returns
    -------
    holoviews.Layout
        A row a metric, a column a score.
    """
    draw_by_bokeh()
    scores = compare_by_density(
        cells, reference, bands_per_mm2=bands_per_mm2, max_distance_um=max_distance_um,
        include_edge=include_edge,
    )  # fmt: skip
    paper = paper_table_1()
    metrics = [metric for metric in METRIC_UNITS if metric in scores.index.get_level_values(0)]
    plots: list[Any] = []
    for metric in metrics:
        mine, theirs = scores.loc[[metric]].droplevel(0), paper.loc[[metric]].droplevel(0)
        for score in SHOWN:
            # One legend serves them all.
            plots.append(_over_density(mine, theirs, score, metric, against, legend=not plots))
    return hv.Layout(plots).opts(shared_axes=False).cols(len(SHOWN))


def _over_density(
    mine: pd.DataFrame, paper: pd.DataFrame, score: str, metric: str, against: str, *, legend: bool
) -> Any:
    label = f"{SHOWN[score]}, {METRIC_LABELS[metric]}"
    parts = _line(mine, score, label, f"against {against}", color=ACCENT)
    if (low := f"{score}_low") in mine:
        ends = mine[score] - mine[low], mine[f"{score}_high"] - mine[score]
        bars = np.stack([mine.index, mine[score], *ends], 1).astype(float)
        parts.append(hv.ErrorBars(bars, OVER, [label, "below", "above"]).opts(color=ACCENT))
    if score in paper:
        parts += _line(paper, score, label, PAPER, color=MUTED, line_dash="dashed")
    return hv.Overlay(parts).opts(
        title=label, width=300, height=240, show_legend=legend, legend_position="bottom_left",
        legend_opts={"label_text_font_size": "7pt", "background_fill_alpha": 0.6},
    )  # fmt: skip


def _line(table: pd.DataFrame, score: str, label: str, named: str, **look: str) -> list[Any]:
    points = np.stack([table.index, table[score]], 1).astype(float)
    return [
        hv.Curve(points, OVER, label, label=named).opts(**look),
        hv.Scatter(points, OVER, label, label=named).opts(color=look["color"], size=6),
    ]
