"""Numpy kernels that estimate the background of frames and divide it out."""

from __future__ import annotations

import itertools
import warnings
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numpy.polynomial.legendre import legvander
from scipy.ndimage import gaussian_filter

from lensfree_nb.io.quality import isolated_pixels, saturation_level

Array = npt.NDArray[Any]

STATIC_CORRELATION: Final = 0.5
_PIXELS_A_DEGREE: Final = 100


def frame_background(frame: Array) -> Array:
    """Smooth background of one frame: a robust low-order surface.

    Block means are fitted by a polynomial of total degree at most 4 (one degree for every 100 px
    of the shorter side), with Tukey's biweight against blocks that hold a dense cell. Fringes
    conserve energy and average out within a block, and a cell is far smaller than what
    such a surface can follow, so cells are not divided out; dust and fixed fringes stay.

    Parameters
    ----------
    frame : array, shape (y, x)
        Counts; NaN where unknown.

    Returns
    -------
    array of float32, shape (y, x)
        NaN throughout where the frame holds no known pixel.

    Examples
    --------
    >>> y, x = np.mgrid[:256, :256] / 256
    >>> light = 100 * (1 + 0.3 * x - 0.2 * y**2)
    >>> bool(np.abs(frame_background(light) / light - 1).max() < 1e-3)
    True
    """
    height, width = frame.shape
    known = np.isfinite(frame)
    if not known.any():
        return np.full(frame.shape, np.nan, np.float32)
    degree = min(4, min(height, width) // _PIXELS_A_DEGREE)
    block = max(1, min(height, width) // 32)
    means, counts, rows, columns = _block_means(frame, known, block)
    vander_y, vander_x = (
        legvander((2 * centre + 1) / size - 1, degree)
        for centre, size in ((rows, height), (columns, width))
    )
    terms = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
    design = np.stack([np.outer(vander_y[:, i], vander_x[:, j]) for i, j in terms], -1)
    enough = counts > 0.25 * counts.max()
    solution = _tukey_fit(design[enough], means[enough], counts[enough])
    matrix = np.zeros((degree + 1, degree + 1))
    for (i, j), value in zip(terms, solution, strict=True):
        matrix[i, j] = value
    full_y, full_x = (
        legvander((2 * np.arange(size) + 1) / size - 1, degree) for size in (height, width)
    )
    surface: Array = ((full_y @ matrix) @ full_x.T).astype(np.float32)
    return surface


def _block_means(frame: Array, known: Array, block: int) -> tuple[Array, Array, Array, Array]:
    """Mean and number of the known pixels of each block, and the blocks' centres (px)."""
    edges = [np.arange(0, size, block) for size in frame.shape]
    filled = np.where(known, frame, 0.0)
    sums = np.add.reduceat(np.add.reduceat(filled, edges[0], 0), edges[1], 1)
    counts = np.add.reduceat(np.add.reduceat(known.astype(np.int64), edges[0], 0), edges[1], 1)
    centres = [
        (edge + np.minimum(edge + block, size) - 1) / 2
        for edge, size in zip(edges, frame.shape, strict=True)
    ]
    return sums / np.maximum(counts, 1), counts, centres[0], centres[1]


def _tukey_fit(design: Array, values: Array, counts: Array, iterations: int = 10) -> Array:
    """Weighted least squares, reweighted by Tukey's biweight (c = 4.685)."""
    weights = counts / counts.max()
    solution: Array = np.zeros(design.shape[-1])
    robust = np.ones_like(values)
    for _ in range(iterations):
        root = np.sqrt(weights * robust)
        solution = np.linalg.lstsq(design * root[:, None], values * root, rcond=None)[0]
        residual = values - design @ solution
        scale = 1.4826 * np.median(np.abs(residual))
        if scale <= 1e-6 * np.abs(values).max():
            break
        robust = np.clip(1 - (residual / (4.685 * scale)) ** 2, 0, None) ** 2
    return solution


def stack_background(frames: Array, *, refuse_static: bool = False) -> Array:
    """Background of a set of frames: their median, each first brought to the same brightness.

    It removes what stays (uneven light, dust, fixed fringes) and leaves what moves. A cell that
    moves less than its own size in the whole time is taken for background and vanishes.

    Parameters
    ----------
    frames : array, shape (n, y, x)
        Counts, NaN where unknown.
    refuse_static : bool
        Give NaN throughout where the detail of successive frames correlates by more than 0.5,
        which means that cells do not move (or that fixed detail is as strong as they are).

    Returns
    -------
    array of float32, shape (y, x)
    """
    present = [frame for frame in frames if np.isfinite(frame[::7, ::7]).any()]
    unknown = np.full(frames.shape[-2:], np.nan, np.float32)
    if not present:
        return unknown
    if refuse_static and _are_static(present):
        return unknown
    levels = [_median(frame) for frame in present]
    scaled = np.stack([frame * np.float32(levels[0] / level)
                       for frame, level in zip(present, levels, strict=True) if level > 0] or
                      [unknown])  # fmt: skip
    partly = not np.isfinite(scaled).all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a pixel known in no frame stays NaN
        median: Array = np.nanmedian(scaled, 0) if partly else np.median(scaled, 0)
    return median.astype(np.float32)


def _median(frame: Array) -> float:
    """Median of the known pixels, of a subset of about 512 x 512 where there are more; or NaN."""
    step = max(1, min(frame.shape) // 512)
    values = frame[::step, ::step]
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else np.nan


def _are_static(frames: list[Array]) -> bool:
    """Whether the detail of successive frames correlates."""
    details = []
    for frame in frames:
        relative = frame / frame_background(frame)
        known = np.isfinite(relative)
        detail = np.where(known, relative, 1.0).astype(np.float32) - 1
        # Light smoothing: noise differs between frames and would hide cells that stay.
        details.append(gaussian_filter(detail, 1.5)[::2, ::2].ravel())
    pairs = itertools.pairwise(details)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlations = [float(np.corrcoef(a, b)[0, 1]) for a, b in pairs]
    return bool(correlations) and float(np.median(correlations)) > STATIC_CORRELATION


def normalise_frame(
    frame: Array,
    background: Array | None = None,
    *,
    dark: Array | float = 0.0,
    saturation: float | None = None,
    full_scale: float = np.inf,
    dead: Array | bool = False,
    find_dead: bool = False,
) -> Array:
    """One frame divided by its background: float32, background 1, NaN where unknown.

    Parameters
    ----------
    frame : array, shape (y, x)
        Counts.
    background : array, shape (y, x), optional
        Counts; scaled to the frame's brightness, since a lamp drifts. Estimated from the frame
        (:func:`frame_background`) where not given or NaN throughout.
    dark : array or float
        What the sensor counts without light, subtracted from both.
    saturation, full_scale : float
        See :func:`lensfree_nb.io.quality.saturation_level`.
    dead : array of bool, shape (y, x)
        Broken pixels; more are looked for with `find_dead`.
    """
    unknown = ~np.isfinite(frame) | dead
    level = saturation_level(frame, full_scale) if saturation is None else saturation
    unknown |= frame >= level
    if find_dead:
        unknown |= isolated_pixels(frame)
    light = np.where(unknown, np.nan, frame - np.asarray(dark)).astype(np.float32)
    if background is None or not np.isfinite(background).any():
        smooth = frame_background(light)
        return _ratio(light, smooth)
    ratio = _ratio(light, (background - np.asarray(dark)).astype(np.float32))
    level = _median(ratio)
    return ratio / np.float32(level if level > 0 else 1.0)


def _ratio(light: Array, background: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Array = np.where(background > 0, light / background, np.nan)
    # The dark level may exceed a dim pixel by its noise: an intensity is never negative.
    return np.maximum(ratio, 0, out=ratio).astype(np.float32, copy=False)
