"""How the cells of a culture make room for each other."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]
BIN_UM: Final = 25.0
SMOOTH_BINS: Final = 1.5
# Centres nearer than this part again, by half of what is missing in so many hours.
APART_UM, PARTING_H = 18.0, 0.5


def parting(places: Floats, hours: float) -> Floats:
    """How far neighbours whose centres are too near move apart (n, 2; µm)."""
    pairs = cKDTree(places).query_pairs(APART_UM, output_type="ndarray")
    between = places[pairs[:, 0]] - places[pairs[:, 1]]
    apart = np.hypot(*between.T)
    missing = (APART_UM - apart) * (1 - 0.5 ** (hours / PARTING_H)) / 2
    way = between * (missing / np.maximum(apart, 1e-6))[:, None]
    moved = np.zeros_like(places)
    for sign, side in ((1, 0), (-1, 1)):
        for axis in range(2):
            moved[:, axis] += np.bincount(
                pairs[:, side], sign * way[:, axis], minlength=len(places)
            )
    return moved


def crowding(
    places: Floats, size_um: tuple[float, float], crowded_per_mm2: float
) -> tuple[Floats, Floats]:
    """Local density over that at which cells stop, and a push (n, 2) towards more room."""
    bins = [max(4, round(length / BIN_UM)) for length in size_um]
    edges = [np.linspace(0, length, n + 1) for length, n in zip(size_um, bins, strict=True)]
    counted, *_ = np.histogram2d(places[:, 0], places[:, 1], bins=edges)
    area_mm2 = np.prod([length / n for length, n in zip(size_um, bins, strict=True)]) * 1e-6
    density = gaussian_filter(counted, SMOOTH_BINS, mode="nearest") / area_mm2
    relative = density / crowded_per_mm2
    down, across = np.gradient(relative)
    slope = np.stack([down, across], -1)
    row, column = (
        np.clip((place / length * n).astype(int), 0, n - 1)
        for place, length, n in zip(places.T, size_um, bins, strict=True)
    )
    return relative[row, column], np.asarray(-np.clip(3 * slope[row, column], -1, 1))
