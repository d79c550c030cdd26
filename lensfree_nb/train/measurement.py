"""How far a drawing of measurements is from the truth, and how well it knows that itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from lensfree_nb.quantify.channels import LOG_SE, MEASURES, Channels
from lensfree_nb.quantify.peaks import local_maxima
from lensfree_nb.quantify.reading import at_cells, measured
from lensfree_nb.train.threshold import best_threshold

DETECTION_WEIGHT, SPREAD_WEIGHT = 2.5, 0.1
# Of the maps of cells' own pixels: steps to the centroid, outline, OPD.
STEP_WEIGHT, INSIDE_WEIGHT, OWN_WEIGHT = 1.0, 5.0, 5.0
# By how much more an error of a cell's own OPD counts than one of the bare ground.
ON_CELLS: Final = 5.0
ONE_SIGMA: Final = 0.6827
# What a spot reaches in its highest pixel, wherever in that pixel its centre lies.
SURE: Final = 0.9
LEAST_ERROR: Final = 1e-3
# Cells that tell nothing of a spread.
FEW: Final = 20
# By which power of what is left unexplained errors may grow.
POWERS: Final = tuple(n / 100 for n in range(101))
# What a network may be asked: what nearly all cells of its validation measured, and a tenth more.
EDGES, MARGIN = (0.001, 0.999), 0.1


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
        errors of each metric hold 68 % of the truths, as a table's reader would count them (none of
        a metric that fewer than 20 cells tell); and ``range``, the least and the most of each
        metric in its unit.
    """
    least, of_images = _at_cells(found, truth, channels)
    cells = _Cells(*(np.concatenate(part, 1) for part in zip(*of_images, strict=True)))
    reach = {}
    for metric, true in zip(channels.metrics, cells.right, strict=True):
        if (known := np.isfinite(true)).any():
            scale = None if channels.logarithmic else channels.scale[metric]
            reach[metric] = ends(true[known], scale)
    factors, _ = _held(cells, np.zeros(cells.right.shape[1]), channels)
    return {"least": least, "se_factor": factors, "range": reach}


def stretched(
    found: Tensor, truth: Tensor, residual: Sequence[float], channels: Channels = MEASURES
) -> dict[str, Any]:
    """What ``quantify.error_stretch`` makes of a network's errors, by cells it did not learn from.

    Parameters
    ----------
    found, truth, channels
        As of :func:`measurement_loss`.
    residual : sequence of float
        Of each image, what its hologram left unexplained; NaN where it came from none.

    Returns
    -------
    dict
        ``se_factor`` of each metric that 20 cells tell, and ``se_residual`` if there are residuals:
        its powers are those of which the loss of quantile regression is least.
    """
    told = np.asarray(residual, float)
    known = told[np.isfinite(told)]
    typical = float(np.median(known)) if known.size else 1.0
    over = np.log(np.where(np.isfinite(told), told, typical) / typical)
    _, of_images = _at_cells(found, truth, channels)
    cells = _Cells(*(np.concatenate(part, 1) for part in zip(*of_images, strict=True)))
    of_cells = np.repeat(over, [image.right.shape[1] for image in of_images])
    factors, powers = _held(cells, of_cells, channels)
    if not known.size:
        return {"se_factor": factors}
    low, high, middle = (float(f"{end:.4g}") for end in (known.min(), known.max(), typical))
    return {
        "se_factor": factors,
        "se_residual": {"range": [low, high], "typical": middle, "power": powers},
    }


def _held(
    cells: _Cells, over: NDArray[np.float64], channels: Channels
) -> tuple[dict[str, float], dict[str, float]]:
    """By which factors, and powers of `over` (its logarithm, n), errors hold what they claim."""
    factors, powers = {}, {}
    for metric, true, value, error in zip(channels.metrics, *cells, strict=True):
        known = np.isfinite(true)
        if known.sum() >= FEW:
            beyond = np.log(np.maximum(np.abs(value - true)[known] / error[known], LEAST_ERROR))
            powers[metric], constant = _line_above(beyond, over[known])
            factors[metric] = float(f"{math.exp(constant):.4g}")
    return factors, powers


def _line_above(beyond: NDArray[np.float64], over: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and constant of the line in `over` below which 68 % of the values lie, and best."""

    def constant_and_loss(slope: float) -> tuple[float, float]:
        rest = beyond - slope * over
        constant = float(np.quantile(rest, ONE_SIGMA))
        rest = rest - constant
        return constant, float(np.maximum(ONE_SIGMA * rest, (ONE_SIGMA - 1) * rest).mean())

    slope = min(POWERS, key=lambda tried: constant_and_loss(tried)[1])
    return slope, constant_and_loss(slope)[0]


def ends(values: NDArray[np.floating[Any]], scale: float | None = None) -> list[float]:
    """What nearly all cells measured, from the least to the most, and a tenth more.

    Parameters
    ----------
    values : ndarray
        Of one metric, in its unit.
    scale : float, optional
        What the margin is a tenth of; of either end itself where none is given.
    """
    reach = np.quantile(values, EDGES)
    margin = np.array([-MARGIN, MARGIN])
    reach = reach * np.exp(margin) if scale is None else reach + scale * margin
    return [float(f"{end:.4g}") for end in reach]


class _Cells(NamedTuple):
    """Truths, values and errors (metric, n) of cells that were found."""

    right: NDArray[np.floating[Any]]
    values: NDArray[np.floating[Any]]
    errors: NDArray[np.floating[Any]]


def _at_cells(found: Tensor, truth: Tensor, channels: Channels) -> tuple[float, list[_Cells]]:
    """From when on there is a cell, and those of each image that lie on a true one's disc."""
    least = best_threshold(found[:, 0].sigmoid(), truth[:, 0])
    cells = []
    for drawn, wanted in zip(found, truth, strict=True):
        reading = measured(drawn, channels, least)
        right = channels.valued(wanted[1 : 1 + len(channels.metrics), *reading.centres.T])
        on = right.isfinite().any(0)
        parts = (right, reading.values, reading.errors)
        cells.append(_Cells(*(part[:, on].cpu().numpy() for part in parts)))
    return least, cells


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
