"""Regression and Bland-Altman of every metric of a validation, as a static figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lensfree_nb.dashboards.figure import ACCENT, FLAGGED, METRIC_LABELS, MUTED
from lensfree_nb.evaluate.regression import Agreement, agreement
from lensfree_nb.evaluate.validation import Validation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def agreement_figure(found: Validation) -> Figure:
    """A column a metric: measured over reference, and below the error over the mean of both.

    Of the cells that are scored. The error's mean and its 95 % limits of agreement are drawn
    (Bland and Altman, Lancet 327, 307 (1986)).

    Parameters
    ----------
    found : Validation
        Of ``lf.validate``.
    """
    from matplotlib.figure import Figure

    pairs = found.pairs[found.pairs["scored"].to_numpy(bool)]
    metrics = [metric for metric in METRIC_LABELS if metric in pairs]
    drawing = Figure(figsize=(2.6 * max(len(metrics), 1), 5.4), layout="constrained")
    if not metrics:
        return drawing
    axes = drawing.subplots(2, len(metrics), squeeze=False)
    for metric, (above, below) in zip(metrics, axes.T, strict=True):
        measured, reference = pairs[[metric, f"{metric}_reference"]].dropna().to_numpy(float).T
        score = agreement(measured, reference)
        _regression(above, measured, reference, score, METRIC_LABELS[metric])
        _differences(below, measured, reference, score, METRIC_LABELS[metric])
    return drawing


def _regression(axis: Axes, measured: Any, reference: Any, score: Agreement, label: str) -> None:
    _dots(axis, reference, measured)
    axis.set_title(f"R² {score.r2:.3f}, bias {score.bias_percent:+.1f} %", fontsize=8, loc="left")
    axis.set_xlabel(f"reference, {label}", fontsize=8)
    axis.set_ylabel("measured", fontsize=8)
    if len(reference) > 1:
        ends = np.array([reference.min(), reference.max()])
        axis.plot(ends, ends, color=MUTED, linewidth=1, linestyle="--")
        axis.plot(ends, score.slope * ends + score.intercept, color=FLAGGED, linewidth=1)


def _differences(axis: Axes, measured: Any, reference: Any, score: Agreement, label: str) -> None:
    _dots(axis, (measured + reference) / 2, measured - reference)
    for level, style in (
        ((score.limits_low + score.limits_high) / 2, "-"),
        (score.limits_low, "--"),
        (score.limits_high, "--"),
    ):
        if np.isfinite(level):
            axis.axhline(level, color=FLAGGED, linewidth=1, linestyle=style)
    axis.set_xlabel(f"mean of both, {label}", fontsize=8)
    axis.set_ylabel("measured - reference", fontsize=8)


def _dots(axis: Axes, across: Any, up: Any) -> None:
    axis.scatter(across, up, s=3, color=ACCENT, alpha=0.4, linewidths=0, rasterized=True)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=7)
