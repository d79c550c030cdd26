"""Autofocus by a network: the distance at which what it draws explains the hologram best.

An inversion bends to whatever distance it is given; a network draws cells as cells are, so its
answer fits at the right distance alone. Coarse steps find the valley, and the local
``reconstruct.defocus`` leads down it. Both look at one drawing, which leans towards the distance
that it was made for and draws thick cells a little too thin: the last few micrometres are told by
what is left when whole reconstructions end (``benchmarks/calibration.py``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lensfree_nb.microscope import Setup
from lensfree_nb.nets.registry import ModelSpec
from lensfree_nb.reconstruct.alternation import accelerated
from lensfree_nb.reconstruct.defocus import PLACES_UM, lowest_um
from lensfree_nb.reconstruct.focus import Focus, coarse_distances, lowest, why_not
from lensfree_nb.reconstruct.misfit import TINY, total
from lensfree_nb.reconstruct.windows import liveliest_windows

COARSE_WINDOW_PX, FINE_WINDOW_PX, FINE_WINDOWS = 320, 512, 2
STEPS: Final = 4
SETTLED_UM: Final = 1.0
# Where whole reconstructions are compared: half a depth of focus to either side.
NEARBY_UM: Final = 12.0


def network_curve(
    hologram: Tensor, setup: Setup, distances_um: Iterable[float], network: ModelSpec
) -> NDArray[np.float64]:
    """Share of the contrast (exposure, y, x) that the network's answer leaves unexplained."""
    windows = liveliest_windows(hologram, COARSE_WINDOW_PX, 1)
    return np.array(
        [_misfits(windows, setup.at(float(z)), network, (0.0,))[0] for z in distances_um]
    )


def find_by_network(
    hologram: Tensor,
    setup: Setup,
    range_um: tuple[float, float],
    network: ModelSpec,
    *,
    per_exposure: bool = False,
) -> list[Focus]:
    """One distance for all exposures (exposure, y, x), or one for each; coarse to fine."""
    coarse = coarse_distances(range_um)
    curve = network_curve(hologram, setup, coarse, network)
    best = int(np.argmin(curve))
    if reason := why_not(curve, best, range_um):
        return [Focus(math.nan, coarse, curve, reason)]
    windows = liveliest_windows(hologram, FINE_WINDOW_PX, FINE_WINDOWS)
    distance = settled(windows, setup, float(coarse[best]), network)
    if math.isnan(distance):
        lost = "what the network draws fits no distance nearby best"
        return [Focus(distance, coarse, curve, lost)]
    distances = _of_each(windows, setup, distance, network) if per_exposure else [distance]
    return [Focus(found, coarse, curve) for found in distances]


def settled(windows: Sequence[Tensor], setup: Setup, start_um: float, network: ModelSpec) -> float:
    """The distance (µm) that explains windows best, near a start; NaN if none can be told."""
    distance = start_um
    for _ in range(STEPS):
        defocus = lowest_um(*_misfits(windows, setup.at(distance), network, PLACES_UM))
        if math.isnan(defocus):
            return math.nan
        distance += defocus
        if abs(defocus) < SETTLED_UM:
            break
    return _nearby(lambda z: _left(windows, setup.at(z), network), distance)


def _of_each(
    windows: Sequence[Tensor], setup: Setup, common_um: float, network: ModelSpec
) -> list[float]:
    """A distance (µm) for each exposure in turn, near that of all."""
    distances = [common_um] * setup.exposures
    for exposure in range(setup.exposures):

        def left(distance_um: float, exposure: int = exposure) -> float:
            trial = (*distances[:exposure], distance_um, *distances[exposure + 1 :])
            return _left(windows, setup.at(trial), network)

        distances[exposure] = _nearby(left, common_um)
    return distances


def _nearby(left: Callable[[float], float], distance_um: float) -> float:
    return lowest(left, distance_um - NEARBY_UM, distance_um + NEARBY_UM, points=3)


def _left(windows: Sequence[Tensor], setup: Setup, network: ModelSpec) -> float:
    """What whole reconstructions leave unexplained, over the contrast of all windows."""
    found = [accelerated(network)(window, setup) for window in windows]
    contrast = sum(total(estimate.contrast) for estimate in found)
    return sum(total(estimate.misfit) for estimate in found) / max(contrast, TINY)


def _misfits(
    windows: Sequence[Tensor], setup: Setup, network: ModelSpec, further_um: Sequence[float]
) -> list[float]:
    """Misfit, were the sample so much further away, over the contrast of all windows."""
    kernel, found, contrast = accelerated(network), np.zeros(len(further_um)), 0.0
    for window in windows:
        misfit, pair = kernel.drawn(window, setup)
        found += [total(squared) for squared in misfit.unexplained(*pair, further_um)]
        empty = [torch.ones_like(window[0])] * setup.exposures
        contrast += total(misfit.residual_maps(empty)[1])
    return list(found / max(contrast, TINY))
