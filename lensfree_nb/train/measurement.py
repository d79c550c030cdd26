"""How far a drawing of measurements is from the truth, and how well it knows that itself."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from lensfree_nb.quantify.channels import LOG_SE, MEASURES, Channels
from lensfree_nb.quantify.peaks import local_maxima
from lensfree_nb.quantify.reading import at_cells

DETECTION_WEIGHT, SPREAD_WEIGHT = 2.5, 0.1
# Of the maps of cells' own pixels: steps to the centroid, outline, OPD.
STEP_WEIGHT, INSIDE_WEIGHT, OWN_WEIGHT = 1.0, 5.0, 5.0
# By how much more an error of a cell's own OPD counts than one of the bare ground.
ON_CELLS: Final = 5.0
ONE_SIGMA: Final = 0.6827
# What a spot reaches in its highest pixel, wherever in that pixel its centre lies.
SURE: Final = 0.9
LEAST_ERROR: Final = 1e-3


def measurement_loss(found: Tensor, truth: Tensor, channels: Channels = MEASURES) -> Tensor:
    """Detection everywhere, measurements of cells, and whose pixels are whose where it is known.

    Errors count by their size, not by its square: a few cells that nobody could measure would hold
    back all others. The standard error is the quantile of their size that 68 % do not exceed,
    learned beside them by the loss of quantile regression (Koenker and Bassett, Econometrica 1978)
    on its logarithm: were errors divided by it, what is uncertain would hardly be learned at all
    (Seitzer et al., ICLR 2022).

    Parameters
    ----------
    found : Tensor, shape (n, channels.outputs, y, x)
        As networks draw it (``quantify.channels``).
    truth : Tensor, shape (n, 1 + metric + channels.ground, y, x)
        Of ``quantify.channels.targets``; what nobody knows is NaN.
    channels : Channels
        How measurements are coded.
    """
    error, log_se = _errors(found, truth, channels)
    told = DETECTION_WEIGHT * _detection_loss(found[:, 0], truth[:, 0])
    measured = _mean(error, error.isfinite()) + SPREAD_WEIGHT * _spread(error, log_se)
    return told + measured + _ground_loss(found, truth, channels)


def spread_loss(found: Tensor, truth: Tensor, channels: Channels = MEASURES) -> Tensor:
    """The part of :func:`measurement_loss` that standard errors are learned by.

    Parameters
    ----------
    found, truth, channels
        As there.
    """
    return _spread(*_errors(found, truth, channels))


def measurement_scores(
    found: Tensor, truth: Tensor, channels: Channels = MEASURES
) -> dict[str, float]:
    """What weights are chosen by, the loss and its parts, and of each metric how far it is off.

    ``error`` joins the loss of the detection and the mean size of the metrics' errors as they are
    coded, by which they are learned: standard errors that claim too little are stretched in the
    end, and cost no weights their place. Root mean squares of each metric are in % where it is
    coded by its logarithm, else in its unit.

    Parameters
    ----------
    found, truth, channels
        As of :func:`measurement_loss`.
    """
    said = {"loss": float(measurement_loss(found, truth, channels))}
    said["detection"] = float(_detection_loss(found[:, 0], truth[:, 0]))
    coded = []
    for (metric, scale), error, log_se in zip(
        channels.scale.items(), *_errors(found, truth, channels), strict=True
    ):
        name, unit = ("percent", 100.0) if channels.logarithmic else ("error", scale)
        known = error.isfinite()
        coded.append(float(error[known].double().mean()))
        said[f"{metric}_{name}"] = unit * float(error[known].double().square().mean().sqrt())
        said[f"{metric}_inside_1_se"] = float((error < log_se.exp())[known].double().mean())
    # A metric that the validation does not know says nothing.
    known = [error for error in coded if math.isfinite(error)]
    measured = sum(known) / len(known) if known else 0.0
    return {"error": DETECTION_WEIGHT * said["detection"] + measured, **said}


def _errors(found: Tensor, truth: Tensor, channels: Channels) -> tuple[Tensor, Tensor]:
    """Of the true cells of all images, errors by their size and logarithms of those claimed.

    Both (metric, n), as coded; NaN where the truth is not known.
    """
    parts = []
    for drawn, right in zip(found, truth, strict=True):
        centres = local_maxima(right[0], least=SURE, apart_px=1.0)
        coded, log_se = at_cells(drawn, centres, channels)
        wanted = right[1 : 1 + len(channels.metrics), *centres.T]
        parts.append(((coded - wanted).abs(), log_se.clamp(*LOG_SE)))
    error, log_se = (torch.cat(part, 1) for part in zip(*parts, strict=True))
    return error, log_se


def _spread(error: Tensor, log_se: Tensor) -> Tensor:
    known = error.isfinite()
    beyond = torch.where(known, error, 1.0).detach().clamp(min=LEAST_ERROR).log() - log_se
    return _mean(torch.maximum(ONE_SIGMA * beyond, (ONE_SIGMA - 1) * beyond), known)


def _ground_loss(found: Tensor, truth: Tensor, channels: Channels) -> Tensor:
    """Of the maps of cells' own pixels: where these point, what is inside, and their OPD."""
    right, total = truth[:, -channels.ground :], found.new_zeros(())
    layers = channels.parted(right.nan_to_num())
    # What is drawn as a second cell must be dear even where there is only one.
    weight = torch.where(layers[0][2] > 0, ON_CELLS, 1.0)
    for drawn, wanted, known in zip(
        channels.parted(found[:, channels.on_discs :]), layers,
        channels.parted(right.isfinite()), strict=True,
    ):  # fmt: skip
        step, own = ((drawn[k] - wanted[k]).abs() for k in (0, 2))
        outline = binary_cross_entropy_with_logits(drawn[1], wanted[1], reduction="none")
        total = total + STEP_WEIGHT * _mean(step, known[0])
        total = total + INSIDE_WEIGHT * _mean(outline, known[1])
        total = total + OWN_WEIGHT * _mean(own * weight, known[2])
    return total


def _mean(values: Tensor, known: Tensor) -> Tensor:
    return torch.where(known, values, 0.0).sum() / known.sum().clamp(min=1)


def _detection_loss(logit: Tensor, truth: Tensor) -> Tensor:
    """Quality focal loss (Li et al., NeurIPS 2020), a spot."""
    each = binary_cross_entropy_with_logits(logit, truth, reduction="none")
    focus = (logit.sigmoid() - truth).square()
    return (focus * each).sum() / truth.sum().clamp(min=1)
