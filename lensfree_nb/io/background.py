"""Dividing the background out: given, from the stack, or from the frame itself.

Kernels take numpy arrays; :func:`divide_background` is the xarray function.
"""

from __future__ import annotations

import itertools
import warnings
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr
from numpy.polynomial.legendre import legvander
from scipy.ndimage import gaussian_filter

from lensfree_nb.contract import exposure_dim
from lensfree_nb.errors import DataError, DimensionError, ParameterError, PerformanceNote
from lensfree_nb.io.quality import isolated_pixels, saturation_level

Array = npt.NDArray[Any]
Background = Literal["auto", "stack", "frame"] | xr.DataArray | Array | None

SAMPLE_FRAMES: Final = 9
MIN_STACK: Final = 5
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
    levels = [float(np.nanmedian(frame[::4, ::4])) for frame in present]
    scaled = np.stack([frame * np.float32(levels[0] / level)
                       for frame, level in zip(present, levels, strict=True) if level > 0] or
                      [unknown])  # fmt: skip
    partly = not np.isfinite(scaled).all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a pixel known in no frame stays NaN
        median: Array = np.nanmedian(scaled, 0) if partly else np.median(scaled, 0)
    return median.astype(np.float32)


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
    level = float(np.nanmedian(ratio[::4, ::4])) if np.isfinite(ratio[::4, ::4]).any() else 1.0
    return ratio / np.float32(level if level > 0 else 1.0)


def _ratio(light: Array, background: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Array = np.where(background > 0, light / background, np.nan)
    # The dark level may exceed a dim pixel by its noise: an intensity is never negative.
    return np.maximum(ratio, 0, out=ratio).astype(np.float32, copy=False)


def _normalise_block(frames: Array, background: Array | None = None, **options: Any) -> Array:
    """:func:`normalise_frame` over the leading dimensions."""
    out = np.empty(frames.shape, np.float32)
    given = None if background is None else np.broadcast_to(background, frames.shape)
    for index in np.ndindex(frames.shape[:-2]):
        out[index] = normalise_frame(
            frames[index], None if given is None else given[index], **options
        )
    return out


def divide_background(
    hologram: xr.DataArray,
    background: Background = "auto",
    *,
    dark: Array | float | None = None,
    saturation: float | None = None,
    dead: Array | Literal["auto"] | None = None,
) -> xr.DataArray:
    """Hologram with background 1: float32, units ``1``, NaN at unknown pixels.

    Parameters
    ----------
    hologram : DataArray, dims ([time,] exposure, y, x)
        Counts.
    background : DataArray or array, or {"auto", "stack", "frame"}, or None
        The light without sample, ``(y, x)`` or ``(exposure, y, x)``, in counts. ``"stack"``: the
        median of at most nine frames evenly spread in time, for cells that move.
        ``"frame"``: a smooth surface fitted to each frame. ``"auto"``: from the stack where there
        are five frames or more and the cells move (successive frames are compared when
        the first result is computed), from the frame otherwise. None leaves the counts.
    dark : float or array, shape (y, x), optional
        Counts without light.
    saturation : float, optional
        Level at which pixels saturate (counts); found in each frame when not given.
    dead : array of bool, shape (y, x), or "auto", optional
        Broken pixels, given or looked for in each frame.

    Raises
    ------
    ParameterError
        If `background` is a word that is not known, or "stack" is asked of a single frame.
    DimensionError
        If a given array does not have the frame's shape.
    """
    if background is None:
        return hologram
    exposure = exposure_dim(hologram)
    if hologram.chunks is not None and any(len(hologram.chunksizes[d]) > 1 for d in "yx"):
        warnings.warn(
            "hologram is chunked within a frame; it is rechunked to whole frames to divide the "
            "background out",
            PerformanceNote,
            stacklevel=3,
        )
        hologram = hologram.chunk(y=-1, x=-1)
    frame_shape = (hologram.sizes["y"], hologram.sizes["x"])
    divisor = _background_array(hologram, background, exposure)
    find_dead = isinstance(dead, str)
    if find_dead and dead != "auto":
        raise ParameterError(f"dead is {dead!r}; give a mask (y, x), 'auto' or None")
    mask = False if dead is None or find_dead else checked_plane(dead, frame_shape, "dead")
    operands = [hologram] if divisor is None else [hologram, divisor]
    result: xr.DataArray = xr.apply_ufunc(
        _normalise_block,
        *operands,
        input_core_dims=[["y", "x"]] * len(operands),
        output_core_dims=[["y", "x"]],
        kwargs={
            "dark": 0.0 if dark is None else checked_plane(dark, frame_shape, "dark"),
            "dead": mask,
            "find_dead": find_dead,
            "saturation": saturation,
            "full_scale": float(hologram.attrs.get("full_scale", np.inf)),
        },
        dask="parallelized",
        output_dtypes=[np.float32],
        keep_attrs=False,
    )
    attrs = {name: value for name, value in hologram.attrs.items() if name != "full_scale"}
    return result.transpose(*hologram.dims).assign_attrs({**attrs, "units": "1"})


def checked_plane(values: Any, shape: tuple[int, int], name: str) -> Any:
    """A number, or an array of the frame's shape; anything else is an error."""
    plain = np.asarray(values)
    if plain.ndim and plain.shape != shape:
        raise DimensionError(f"{name} has shape {plain.shape}; it must be the frame's, {shape}")
    if plain.dtype.kind not in "buif":
        raise DataError(f"{name} has dtype {plain.dtype}; it must be real")
    return plain if plain.ndim else plain.item()


def _background_array(
    hologram: xr.DataArray, background: Any, exposure: str
) -> xr.DataArray | None:
    """What to divide by, ``([exposure,] y, x)``; None where each frame shall estimate its own."""
    frames = hologram.sizes.get("time", 1)
    shape = (hologram.sizes["y"], hologram.sizes["x"])
    if isinstance(background, str):
        if background not in ("auto", "stack", "frame"):
            raise ParameterError(
                f"background is {background!r}; give 'auto', 'stack', 'frame', None, an array or "
                "the path of a file"
            )
        if background == "stack" and frames < 2:
            raise ParameterError(
                "background='stack' needs several frames along time; use 'frame', or give one"
            )
        if background == "stack" or (background == "auto" and frames >= MIN_STACK):
            return _stack_of(hologram, exposure, refuse_static=background == "auto")
        return None
    if isinstance(background, xr.DataArray):
        plane = background.reset_coords(drop=True).drop_vars(list(background.coords))
        if "y" not in plane.dims or "x" not in plane.dims:
            raise DimensionError(f"background has dims {plane.dims}; it must have y and x")
        plane = plane.transpose(..., "y", "x")
    else:
        values = background if hasattr(background, "dask") else np.asarray(background)
        if values.ndim not in (2, 3):
            raise DimensionError(f"background has shape {values.shape}; it must be {shape}")
        plane = xr.DataArray(values, dims=(exposure, "y", "x")[-values.ndim :])
    wanted = {"y": shape[0], "x": shape[1], exposure: hologram.sizes[exposure]}
    if any(size != wanted.get(str(dim), -1) for dim, size in plane.sizes.items()):
        raise DimensionError(
            f"background has {dict(plane.sizes)}; the frame has {wanted}: give one image, or one "
            "an exposure"
        )
    return plane


def _stack_of(hologram: xr.DataArray, exposure: str, *, refuse_static: bool) -> xr.DataArray:
    frames = hologram.sizes["time"]
    chosen = np.unique(np.linspace(0, frames - 1, min(frames, SAMPLE_FRAMES)).round().astype(int))
    sample = hologram.isel(time=chosen).reset_coords(drop=True)
    if sample.chunks is not None:
        # One exposure a task: nine whole colour frames would need 1 GB at once.
        sample = sample.chunk({"time": -1, exposure: 1, "y": -1, "x": -1})
    stack: xr.DataArray = xr.apply_ufunc(
        _stack_blocks,
        sample,
        input_core_dims=[["time", "y", "x"]],
        output_core_dims=[["y", "x"]],
        kwargs={"refuse_static": refuse_static},
        dask="parallelized",
        output_dtypes=[np.float32],
    )
    return stack.chunk({exposure: -1}) if stack.chunks is not None else stack


def _stack_blocks(frames: Array, *, refuse_static: bool) -> Array:
    out = np.empty((*frames.shape[:-3], *frames.shape[-2:]), np.float32)
    for index in np.ndindex(frames.shape[:-3]):
        out[index] = stack_background(frames[index], refuse_static=refuse_static)
    return out
