"""One point a cell: Laplacian-of-Gaussian detection, with sub-pixel maxima.

As TrackMate's LoG detector (Tinevez et al., Methods 115, 80 (2017)), which the paper's standard
pipeline uses. An elongated cell may answer with several maxima; two that no real valley
separates are one cell.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from skimage.feature import peak_local_max

Floats = NDArray[np.floating[Any]]
VALLEY = 0.92
NEIGHBOUR = 1.6
# To stay comes first: of equals, the first is taken.
STEPS = np.array([(0, 0), *(d for d in itertools.product((-1, 0, 1), repeat=2) if any(d))])


def log_response(opd_nm: Floats, diameter_px: float) -> Floats:
    """Scale-normalised, sign-reversed LoG (nm) at the scale of a disc of `diameter_px`."""
    sigma = diameter_px / (2 * np.sqrt(2))
    return np.asarray(-(sigma**2) * ndimage.gaussian_laplace(opd_nm, sigma, mode="nearest"))


def detect(opd_nm: Floats, diameter_px: float, quality_nm: float) -> Floats:
    """Positions (row, column; px) of the cells of a frame, strongest first.

    Parameters
    ----------
    opd_nm : ndarray, shape (y, x)
        OPD without NaN.
    diameter_px : float
        Expected width of a cell (the short one, if it is elongated).
    quality_nm : float
        Least LoG response.

    Returns
    -------
    ndarray, shape (n, 2)
        Sub-pixel maxima, from a parabola through each maximum and its neighbours.
    """
    response = log_response(opd_nm, diameter_px)
    peaks = peak_local_max(
        response,
        min_distance=max(1, round(diameter_px / 3)),
        threshold_abs=quality_nm,
        exclude_border=False,
    )
    kept = _merged(response, peaks, diameter_px)
    return _refined(response, kept)


def one_a_hill(points: Floats, relief: Floats) -> Floats:
    """Those of the points (strongest first) that climb to a top which no stronger one reaches.

    A point on the flank of a hill would flood a useless strip of it.

    Parameters
    ----------
    points : ndarray, shape (n, 2)
        Rows and columns (px).
    relief : ndarray, shape (y, x)
        What is climbed.
    """
    if not len(points):
        return points
    last = np.array(relief.shape) - 1
    here = np.clip(np.round(points).astype(np.intp), 0, last)
    while True:
        around = np.clip(here[:, None] + STEPS, 0, last)
        steepest = relief[around[..., 0], around[..., 1]].argmax(axis=1)
        if not steepest.any():
            break
        here = around[np.arange(len(here)), steepest]
    return points[np.sort(np.unique(here, axis=0, return_index=True)[1])]


def _merged(response: Floats, peaks: NDArray[np.intp], diameter_px: float) -> NDArray[np.intp]:
    """The strongest of each group of peaks that no valley separates."""
    if len(peaks) < 2:
        return peaks
    pairs = cKDTree(peaks).query_pairs(NEIGHBOUR * diameter_px, output_type="ndarray")
    joined = np.array([_no_valley(response, peaks[i], peaks[j]) for i, j in pairs], bool)
    pairs = pairs[joined] if len(pairs) else pairs
    graph = coo_array((np.ones(len(pairs)), tuple(pairs.T)), shape=(len(peaks),) * 2)
    _, group = connected_components(graph, directed=False)
    strength = response[tuple(peaks.T)]
    order = np.lexsort((-strength, group))
    first = np.unique(group[order], return_index=True)[1]
    chosen = order[first]
    return peaks[chosen[np.argsort(-strength[chosen], kind="stable")]]


def _no_valley(response: Floats, a: NDArray[np.intp], b: NDArray[np.intp]) -> bool:
    steps = int(np.hypot(*(a - b))) + 1
    line = np.linspace(a, b, steps + 1).T
    profile = ndimage.map_coordinates(response, line, order=1)
    return bool(profile.min() > VALLEY * min(profile[0], profile[-1]))


def _refined(response: Floats, peaks: NDArray[np.intp]) -> Floats:
    if not len(peaks):
        return np.empty((0, 2))
    padded = np.pad(response, 1, mode="edge")
    y, x = peaks.T + 1
    offsets = []
    for dy, dx in ((1, 0), (0, 1)):
        before, here, after = padded[y - dy, x - dx], padded[y, x], padded[y + dy, x + dx]
        curvature = before - 2 * here + after
        safe = np.where(curvature < 0, curvature, -np.inf)
        offsets.append(np.clip(0.5 * (before - after) / safe, -0.5, 0.5))
    return np.asarray(peaks + np.stack(offsets, axis=1))
