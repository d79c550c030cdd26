"""Autofocus by a network: the distance at which what it draws explains the hologram best.

An inversion bends to whatever distance it is given; a network draws cells as cells are, so its
answer fits at the right distance alone. Coarse steps find the valley, and the local
``reconstruct.defocus`` leads down it. Both look at one drawing, which leans towards the distance
that it was made for and draws thick cells a little too thin: the last few micrometres are told by
what is left when whole reconstructions end (``benchmarks/calibration.py``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
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
    hologram: Tensor, setup: Setup, range_um: tuple[float, float], network: ModelSpec
) -> Focus:
    """One distance for all exposures (exposure, y, x), coarse to fine."""
    coarse = coarse_distances(range_um)
    curve = network_curve(hologram, setup, coarse, network)
    best = int(np.argmin(curve))
    if reason := why_not(curve, best, range_um):
        return Focus(math.nan, coarse, curve, reason)
    windows = liveliest_windows(hologram, FINE_WINDOW_PX, FINE_WINDOWS)
    distance = settled(windows, setup, float(coarse[best]), network)
    lost = "what the network draws fits no distance nearby best" if math.isnan(distance) else ""
    return Focus(distance, coarse, curve, lost)


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

    def left(distance_um: float) -> float:
        found = [accelerated(network)(window, setup.at(distance_um)) for window in windows]
        return sum(total(e.misfit) for e in found) / max(
            sum(total(e.contrast) for e in found), TINY
        )

    return lowest(left, distance - NEARBY_UM, distance + NEARBY_UM, points=3)


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
