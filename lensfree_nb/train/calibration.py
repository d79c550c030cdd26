"""What a network that measures is told of itself: from when on there is a cell, and its errors.

By cells that it did not learn from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor

from lensfree_nb.nets.header import GROWS, SE_FACTOR
from lensfree_nb.quantify.channels import MEASURES, Channels
from lensfree_nb.quantify.error_stretch import DENSITY, RESIDUAL, crowding
from lensfree_nb.quantify.reading import measured
from lensfree_nb.train.measurement import LEAST_ERROR, ONE_SIGMA
from lensfree_nb.train.threshold import best_threshold

# Cells that tell nothing of a spread.
FEW: Final = 20
# Between which powers of what is told of cells and frames errors may grow; and how few cells tell
# nothing of that.
POWERS: Final = (0.0, 1.0)
FEW_FOR_POWERS: Final = 200
# What a network may be asked: what nearly all cells of its validation measured, and a tenth more.
EDGES, MARGIN = (0.001, 0.999), 0.1


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
    least, of_images = _cells_found(found, truth, channels)
    cells = _joined(of_images)
    reach = {}
    for metric, true in zip(channels.metrics, cells.right, strict=True):
        if (known := np.isfinite(true)).any():
            scale = None if channels.logarithmic else channels.scale[metric]
            reach[metric] = ends(true[known], scale)
    factors, _ = _held(cells, np.empty((0, len(cells.density))), channels)
    return {"least": least, SE_FACTOR: factors, "range": reach}


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
        ``se_factor`` of each metric that 20 cells tell, and ``se_grows``: with the density about a
        cell, and with the residual if there are any, by the powers of which the loss of quantile
        regression is least.
    """
    of_images = _cells_found(found, truth, channels)[1]
    cells = _joined(of_images)
    left = np.repeat(np.asarray(residual, float), [image.right.shape[1] for image in of_images])
    told = {DENSITY: cells.density, RESIDUAL: left}
    terms = {name: _term(values) for name, values in told.items() if np.isfinite(values).any()}
    over = [_over(told[name], term["typical"]) for name, term in terms.items()]
    factors, powers = _held(cells, np.reshape(over, (len(terms), len(cells.density))), channels)
    for number, term in enumerate(terms.values()):
        term["power"] = {metric: each[number] for metric, each in powers.items()}
    return {SE_FACTOR: factors, GROWS: terms}


def lacking(found: Tensor, truth: Tensor, channels: Channels = MEASURES) -> dict[int, float]:
    """What some drawn images lack, so that what is measured adds up to the truth.

    Who learns logarithms by the size of errors learns medians: the means are short, and so is what
    a frame's cells add up to (Duan, J. Am. Stat. Assoc. 1983).

    Parameters
    ----------
    found, truth, channels
        As of :func:`measurement_loss`, of cells that were not learned from.

    Returns
    -------
    dict
        Of the images of metrics that 20 cells tell and that are coded by their logarithm.
    """
    if not channels.logarithmic:
        return {}
    cells = _joined(_cells_found(found, truth, channels)[1])
    lacks = {}
    for image, (true, value) in enumerate(zip(cells.right, cells.values, strict=True), start=1):
        known = np.isfinite(true)
        if known.sum() >= FEW:
            lacks[image] = math.log(true[known].sum() / value[known].sum())
    return lacks


def _term(values: NDArray[np.float64]) -> dict[str, Any]:
    """What is typical of what is known, and between what it lies."""
    known = values[np.isfinite(values)]
    # Not rounded: the field that left most unexplained must lie in the range.
    low, high, typical = (float(end) for end in (known.min(), known.max(), np.median(known)))
    return {"range": [low, high], "typical": typical}


def _over(values: NDArray[np.float64], typical: float) -> NDArray[np.float64]:
    return np.log(np.where(np.isfinite(values), values, typical) / typical)


def _held(
    cells: _Cells, over: NDArray[np.float64], channels: Channels
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """By which factors, and powers of each of `over` (logarithms; term, n), errors hold."""
    factors, powers = {}, {}
    for metric, true, value, error in zip(
        channels.metrics, cells.right, cells.values, cells.errors, strict=True
    ):
        known = np.isfinite(true)
        if known.sum() >= FEW:
            beyond = np.log(np.maximum(np.abs(value - true)[known] / error[known], LEAST_ERROR))
            most = POWERS[1] if known.sum() >= FEW_FOR_POWERS else POWERS[0]
            slopes, constant = _plane_above(beyond, over[:, known], (POWERS[0], most))
            powers[metric] = slopes.tolist()
            factors[metric] = float(f"{math.exp(constant):.4g}")
    return factors, powers


def _plane_above(
    beyond: NDArray[np.float64], over: NDArray[np.float64], powers: tuple[float, float]
) -> tuple[NDArray[np.float64], float]:
    """Slopes and constant of the plane over `over` below which 68 % of the values lie, and best."""

    def loss(slopes: NDArray[np.float64]) -> float:
        rest = beyond - slopes @ over
        rest = rest - np.quantile(rest, ONE_SIGMA)
        return float(np.maximum(ONE_SIGMA * rest, (ONE_SIGMA - 1) * rest).mean())

    slopes = np.full(len(over), np.mean(powers))
    if len(over):
        slopes = minimize(loss, slopes, bounds=[powers] * len(over), method="Nelder-Mead").x
        slopes = slopes.round(2)
    return slopes, float(np.quantile(beyond - slopes @ over, ONE_SIGMA))


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
    """Truths, values and errors (metric, n) of cells that were found, and how crowded they are."""

    right: NDArray[np.floating[Any]]
    values: NDArray[np.floating[Any]]
    errors: NDArray[np.floating[Any]]
    density: NDArray[np.float64]


def _joined(of_images: Sequence[_Cells]) -> _Cells:
    return _Cells(*(np.concatenate(part, -1) for part in zip(*of_images, strict=True)))


def _cells_found(found: Tensor, truth: Tensor, channels: Channels) -> tuple[float, list[_Cells]]:
    """From when on there is a cell, and those of each image that lie on a true one's disc."""
    least = best_threshold(found[:, 0].sigmoid(), truth[:, 0])
    cells = []
    for drawn, wanted in zip(found, truth, strict=True):
        reading = measured(drawn, channels, least)
        right = channels.valued(wanted[1 : 1 + len(channels.metrics), *reading.centres.T])
        on = right.isfinite().any(0).cpu().numpy()
        parts = (part.cpu().numpy() for part in (right, reading.values, reading.errors))
        density = crowding(reading.centres, reading.detection.shape)
        cells.append(_Cells(*(part[..., on] for part in (*parts, density))))
    return least, cells
