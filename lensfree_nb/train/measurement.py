"""How far a drawing of measurements is from the truth, and how well it knows that itself."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from lensfree_nb.quantify.channels import LOG_SE, MEASURES, Channels
from lensfree_nb.quantify.reading import measured
from lensfree_nb.train.threshold import best_threshold

DETECTION_WEIGHT, SPREAD_WEIGHT = 2.5, 0.2
ONE_SIGMA: Final = 0.6827
# What a network may be asked: what nearly all cells of its validation measured, and a tenth more.
EDGES, MARGIN = (0.001, 0.999), 0.1


def measurement_loss(found: Tensor, truth: Tensor, channels: Channels = MEASURES) -> Tensor:
    """Detection everywhere, measurements where discs are.

    Errors count by their size, not by its square: a few cells that nobody could measure would hold
    back all others. The spread is the scale of a Laplace distribution of these errors, and learned
    beside them: were they divided by it, what is uncertain would hardly be learned at all (Seitzer
    et al., ICLR 2022).

    Parameters
    ----------
    found : Tensor, shape (n, 1 + 2 * metric, y, x)
        As networks draw it (``quantify.channels``).
    truth : Tensor, shape (n, 1 + metric, y, x)
        Of ``quantify.channels.targets``; a measurement that nobody knows is NaN.
    channels : Channels
        How measurements are coded.
    """
    on, count = truth[:, 1:].isfinite(), len(channels.metrics)
    error = torch.where(on, found[:, 1 : 1 + count] - truth[:, 1:].nan_to_num(), 0.0).abs()
    log_se = found[:, 1 + count :].clamp(*LOG_SE)
    each = error + SPREAD_WEIGHT * (error.detach() * (-log_se).exp() + log_se)
    measured = (each * on).sum() / on.sum().clamp(min=1)
    return DETECTION_WEIGHT * _detection_loss(found[:, 0], truth[:, 0]) + measured


def measurement_scores(
    found: Tensor, truth: Tensor, channels: Channels = MEASURES
) -> dict[str, float]:
    """What weights are chosen by, the loss and its parts, and of each metric how far it is off.

    ``error`` joins the loss of the detection and the metrics' errors as they are coded: standard
    errors that claim too little are stretched in the end, and cost no weights their place. Errors
    of each metric are in % where it is coded by its logarithm, else in its unit.

    Parameters
    ----------
    found, truth, channels
        As of :func:`measurement_loss`.
    """
    said = {"loss": float(measurement_loss(found, truth, channels))}
    said["detection"] = float(_detection_loss(found[:, 0], truth[:, 0]))
    coded = []
    for k, (metric, scale) in enumerate(channels.scale.items()):
        _, error, claimed = _on_discs(found, truth, k, len(channels.metrics))
        name, unit = ("percent", 100.0) if channels.logarithmic else ("error", scale)
        coded.append(float(error.square().mean().sqrt()))
        said[f"{metric}_{name}"] = unit * coded[-1]
        said[f"{metric}_inside_1_se"] = float((error < claimed).double().mean())
    # A metric that the validation does not know says nothing.
    known = [error for error in coded if math.isfinite(error)]
    measured = sum(known) / len(known) if known else 0.0
    return {"error": DETECTION_WEIGHT * said["detection"] + measured, **said}


def learned(found: Tensor, truth: Tensor, channels: Channels = MEASURES) -> dict[str, Any]:
    """What a network that measures must know of itself: told by cells it did not learn from.

    Parameters
    ----------
    found, truth, channels
        As of :func:`measurement_loss`, of a whole validation set.

    Returns
    -------
    dict
        ``least``, the detection from which on there is a cell; ``se_factor``, by which the standard
        errors of each metric hold 68 % of the truths, as a table's reader would count them; and
        ``range``, the least and the most of each metric in its unit.
    """
    least = best_threshold(found[:, 0].sigmoid(), truth[:, 0])
    parts = [_at_cells(*each, channels, least) for each in zip(found, truth, strict=True)]
    right, values, errors = (torch.cat(part, 1).cpu().numpy() for part in zip(*parts, strict=True))
    stretch, reach = {}, {}
    for metric, true, value, error in zip(channels.metrics, right, values, errors, strict=True):
        known = np.isfinite(true)
        if not known.any():
            continue
        factor = np.quantile(np.abs(value - true)[known] / error[known], ONE_SIGMA)
        stretch[metric] = round(float(factor), 4)
        ends = np.quantile(true[known], EDGES)
        if channels.logarithmic:
            ends = ends * np.exp([-MARGIN, MARGIN])
        else:
            ends = ends + channels.scale[metric] * np.array([-MARGIN, MARGIN])
        reach[metric] = [float(f"{end:.4g}") for end in ends]
    return {"least": least, "se_factor": stretch, "range": reach}


def _at_cells(
    drawn: Tensor, truth: Tensor, channels: Channels, least: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Truths, values and errors (metric, n) of the cells found that lie on a true one's disc."""
    reading = measured(drawn, channels, least)
    right = channels.valued(truth[1:, reading.centres[:, 0], reading.centres[:, 1]])
    on = right.isfinite().any(0)
    return right[:, on], reading.values[:, on], reading.errors[:, on]


def _on_discs(found: Tensor, truth: Tensor, metric: int, count: int) -> tuple[Tensor, ...]:
    """Truth, absolute error and claimed error of a metric, as coded, where it is known."""
    known = truth[:, 1 + metric].isfinite()
    right = truth[:, 1 + metric][known].double()
    error = (found[:, 1 + metric][known].double() - right).abs()
    claimed = found[:, 1 + count + metric][known].clamp(*LOG_SE).exp().double()
    return right, error, claimed


def _detection_loss(logit: Tensor, truth: Tensor) -> Tensor:
    """Quality focal loss (Li et al., NeurIPS 2020), a spot."""
    each = binary_cross_entropy_with_logits(logit, truth, reduction="none")
    focus = (logit.sigmoid() - truth).square()
    return (focus * each).sum() / truth.sum().clamp(min=1)
