"""Dividing the background out of a hologram: given, from the stack, or from the frame itself."""

from __future__ import annotations

import warnings
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from lensfree_nb.contract import exposure_dim, full_scale_of
from lensfree_nb.errors import DataError, DimensionError, ParameterError, PerformanceNote
from lensfree_nb.io.arrays import in_order_of, whole_frames
from lensfree_nb.io.flat_field import normalise_frame, stack_background
from lensfree_nb.units import floats

Array = npt.NDArray[Any]
Background = Literal["auto", "stack", "frame"] | xr.DataArray | Array | None

SAMPLE_FRAMES: Final = 9
MIN_STACK: Final = 5


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
        if dark is not None:
            raise ParameterError(
                "dark is given, but the counts are left as they are; give background= as well "
                "('auto' estimates it)"
            )
        return _masked(hologram, saturation, None if isinstance(dead, str) else dead)
    exposure = exposure_dim(hologram)
    if hologram.chunks is not None and any(len(hologram.chunksizes[d]) > 1 for d in "yx"):
        warnings.warn(
            "hologram is chunked within a frame; it is rechunked to whole frames to divide the "
            "background out",
            PerformanceNote,
            stacklevel=3,
        )
        hologram = whole_frames(hologram)
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
            "full_scale": full_scale_of(hologram),
        },
        dask="parallelized",
        output_dtypes=[np.float32],
        keep_attrs=False,
    )
    attrs = {name: value for name, value in hologram.attrs.items() if name != "full_scale"}
    # The coordinates as they were: without their units nobody knows where a part of a frame lies.
    whole = result.transpose(*hologram.dims).assign_coords(hologram.coords)
    return whole.assign_attrs({**attrs, "units": "1"})


def _masked(hologram: xr.DataArray, saturation: float | None, dead: Array | None) -> xr.DataArray:
    """Counts with NaN where a pixel is saturated or dead, as far as that is given."""
    known: Any = True
    if saturation is not None:
        known = hologram < saturation
    if dead is not None:
        shape = (hologram.sizes["y"], hologram.sizes["x"])
        known = known & ~xr.DataArray(checked_plane(dead, shape, "dead"), dims=("y", "x"))
    if known is True:
        return hologram
    kept = hologram if np.dtype(hologram.dtype).kind == "f" else hologram.astype(np.float32)
    return kept.where(known).transpose(*hologram.dims).assign_attrs(hologram.attrs)


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
        plane = background
        if "wavelength" in hologram.coords and exposure == "wavelength":
            stated = floats(hologram.coords["wavelength"], "nm", "wavelength")
            plane = in_order_of(background, stated, "background")
        plane = plane.reset_coords(drop=True).drop_vars(list(plane.coords), errors="ignore")
        if "y" not in plane.dims or "x" not in plane.dims:
            raise DimensionError(f"background has dims {plane.dims}; it must have y and x")
        plane = plane.transpose(..., "y", "x")
    else:
        values = background if hasattr(background, "dask") else np.asarray(background)
        if values.ndim not in (2, 3):
            raise DimensionError(f"background has shape {values.shape}; it must be {shape}")
        plane = xr.DataArray(values, dims=(exposure, "y", "x")[-values.ndim :])
    if plane.chunks is None and not bool(np.isfinite(plane.values).any(axis=(-2, -1)).all()):
        raise DataError("background holds an image without a single known pixel")
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
