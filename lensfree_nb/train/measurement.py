"""How far a drawing of measurements is from the truth, and how well it knows that itself."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from lensfree_nb.quantify.channels import LOG_SE, MEASURES, Channels

# How strongly a spread that is learned holds back what is uncertain: Seitzer et al., ICLR 2022.
BETA: Final = 0.5
DETECTION_WEIGHT: Final = 5.0
ONE_SIGMA: Final = 0.6827
# What a network may be asked: what nearly all cells of its validation measured, and a tenth more.
EDGES, MARGIN = (0.001, 0.999), 0.1


def measurement_loss(found: Tensor, truth: Tensor, channels: Channels = MEASURES) -> Tensor:
    """Detection everywhere, measurements where discs are.

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
    error = torch.where(on, found[:, 1 : 1 + count] - truth[:, 1:].nan_to_num(), 0.0)
    log_se = found[:, 1 + count :].clamp(*LOG_SE)
    each = 0.5 * (error / log_se.exp()).square() + log_se
    each = each * log_se.detach().exp() ** (2 * BETA)
    measured = (each * on).sum() / on.sum().clamp(min=1)
    return DETECTION_WEIGHT * _detection_loss(found[:, 0], truth[:, 0]) + measured


def measurement_scores(
    found: Tensor, truth: Tensor, channels: Channels = MEASURES
) -> dict[str, float]:
    """The loss and its parts, and of each metric the error and how often it is within bounds.

    Errors are in % where measurements are coded by their logarithm, else in their unit.

    Parameters
    ----------
    found, truth, channels
        As of :func:`measurement_loss`.
    """
    said = {"loss": float(measurement_loss(found, truth, channels))}
    said["detection"] = float(_detection_loss(found[:, 0], truth[:, 0]))
    for k, (metric, scale) in enumerate(channels.scale.items()):
        _, error, claimed = _on_discs(found, truth, k, len(channels.metrics))
        name, unit = ("percent", 100.0) if channels.logarithmic else ("error", scale)
        said[f"{metric}_{name}"] = unit * float(error.square().mean().sqrt())
        said[f"{metric}_inside_1_se"] = float((error < claimed).double().mean())
    return said


def calibration(
    found: Tensor, truth: Tensor, channels: Channels = MEASURES
) -> tuple[dict[str, float], dict[str, dict[str, list[float]]]]:
    """Factors by which standard errors hold 68 % of the truths, and the range of the cells.

    Parameters
    ----------
    found, truth, channels
        As of :func:`measurement_loss`, of fields that were not learned from.

    Returns
    -------
    dict, dict
        A factor a metric; and ``range``, the least and the most of each metric in its unit.
    """
    stretch, reach = {}, {}
    for k, (metric, scale) in enumerate(channels.scale.items()):
        parts = _on_discs(found, truth, k, len(channels.metrics))
        right, error, claimed = (part.cpu().numpy() for part in parts)
        if not len(right):
            continue
        stretch[metric] = round(float(np.quantile(error / claimed, ONE_SIGMA)), 4)
        ends = np.quantile(right, EDGES) + np.array([-MARGIN, MARGIN])
        ends = scale * (np.exp(ends) if channels.logarithmic else ends)
        reach[metric] = [float(f"{end:.4g}") for end in ends]
    return stretch, {"range": reach}


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
