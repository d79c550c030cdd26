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
    of the shorter side) by least squares without gross outliers. Fringes conserve energy
    and average out within a block, and a cell is far smaller than what such a surface can
    follow, so cells are not divided out; dust and fixed fringes stay.

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
    block = _block_size(frame)
    means, counts = _block_means(frame, known, block)
    full_y, full_x = (
        legvander((2 * np.arange(size) + 1) / size - 1, degree) for size in (height, width)
    )
    # The polynomials' own block means: exact however large the blocks are.
    vander_y, vander_x = (_block_rows(full, block) for full in (full_y, full_x))
    terms = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
    design = np.stack([np.outer(vander_y[:, i], vander_x[:, j]) for i, j in terms], -1)
    enough = counts > 0.25 * counts.max()
    solution = _clipped_fit(design[enough], means[enough], counts[enough])
    matrix = np.zeros((degree + 1, degree + 1))
    for (i, j), value in zip(terms, solution, strict=True):
        matrix[i, j] = value
    surface: Array = ((full_y @ matrix) @ full_x.T).astype(np.float32)
    return surface


def _block_size(frame: Array) -> int:
    """Wide enough that most of a cell's fringes average out: 32 px, less in small frames."""
    return int(max(1, min(32, min(frame.shape) // 8)))


def _block_means(frame: Array, known: Array, block: int) -> tuple[Array, Array]:
    """Mean and number of the known pixels of each block."""
    edges = [np.arange(0, size, block) for size in frame.shape]
    filled = np.where(known, frame, 0.0)
    sums = np.add.reduceat(np.add.reduceat(filled, edges[0], 0), edges[1], 1)
    counts = np.add.reduceat(np.add.reduceat(known.astype(np.int64), edges[0], 0), edges[1], 1)
    return sums / np.maximum(counts, 1), counts


def _block_rows(vander: Array, block: int) -> Array:
    """Means of each `block` rows."""
    starts = np.arange(0, len(vander), block)
    sizes = np.diff(np.append(starts, len(vander)))
    means: Array = np.add.reduceat(vander, starts, 0) / sizes[:, None]
    return means


def _clipped_fit(design: Array, values: Array, counts: Array, iterations: int = 5) -> Array:
    """Least squares weighted by `counts`, without values beyond 8 robust standard deviations.

    Only gross outliers go (dust, a bubble). Fringes are skewed, few bright spots over wide dim
    rings, so anything that weighs moderate ones down is biased: by 2 to 4 % for Tukey's biweight
    in a dense culture, where this is within 0.2 %.
    """
    kept = np.ones(len(values), bool)
    solution: Array = np.zeros(design.shape[-1])
    for _ in range(iterations):
        root = np.sqrt(counts[kept])
        solution = np.linalg.lstsq(design[kept] * root[:, None], values[kept] * root, rcond=None)[0]
        residual = np.abs(values - design @ solution)
        limit = 8 * 1.4826 * np.median(residual) + 0.01 * np.abs(values).max()
        now = residual <= limit
        if (now == kept).all():
            break
        kept = now
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
    levels = [brightness(frame) for frame in present]
    scaled = np.stack([frame * np.float32(levels[0] / level)
                       for frame, level in zip(present, levels, strict=True) if level > 0] or
                      [unknown])  # fmt: skip
    partly = not np.isfinite(scaled).all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a pixel known in no frame stays NaN
        median: Array = np.nanmedian(scaled, 0) if partly else np.median(scaled, 0)
    return median.astype(np.float32)


def brightness(frame: Array) -> float:
    """Robust mean of the known pixels; NaN where there are none.

    A mean over blocks without gross outliers, since fringes conserve energy while their median
    lies below it.
    """
    known = np.isfinite(frame)
    if not known.any():
        return np.nan
    means, counts = _block_means(frame, known, _block_size(frame))
    enough = counts > 0.25 * counts.max()
    return float(_clipped_fit(np.ones((enough.sum(), 1)), means[enough], counts[enough])[0])


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
    level = brightness(ratio)
    return ratio / np.float32(level if level > 0 else 1.0)


def _ratio(light: Array, background: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Array = np.where(background > 0, light / background, np.nan)
    # The dark level may exceed a dim pixel by its noise: an intensity is never negative.
    return np.maximum(ratio, 0, out=ratio).astype(np.float32, copy=False)
