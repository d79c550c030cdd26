"""What is wrong with a frame: saturated, dead and missing pixels, and drifting brightness.

Kernels take one numpy frame ``(y, x)``; :func:`quality` maps them over a hologram in one pass.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr

from lensfree_nb.contract import full_scale_of
from lensfree_nb.io.arrays import whole_frames

Array = npt.NDArray[Any]

PILE_UP_PIXELS: Final = 10
ISOLATION_SIGMA: Final = 10.0
_NOISE_SAMPLES: Final = 1_000_000
LONG_NAMES: Final = {
    "quality_saturated": "fraction of saturated pixels",
    "quality_dead": "fraction of hot or dead pixels",
    "quality_missing": "whether the exposure was never recorded or could not be read",
    "quality_drift": "mean brightness relative to the first frame",
}


def saturation_level(frame: Array, full_scale: float = np.inf) -> float:
    """Value at and above which pixels are saturated.

    A sensor that clips below the range of its file format (12 bits stored in 16) shows it by
    pixels piled up at the very maximum: at least ten, and more than there are in the 5 % of the
    range just below. Where there is no such pile, the level is `full_scale`.

    Parameters
    ----------
    frame : array, shape (y, x)
        Counts; NaN is ignored.
    full_scale : float
        Largest value that the file format can hold; infinite where there is none.

    Examples
    --------
    >>> ramp = np.arange(4096.0).reshape(64, 64)
    >>> saturation_level(ramp)
    inf
    >>> saturation_level(np.minimum(ramp, 3000.0))
    3000.0
    """
    values = frame[np.isfinite(frame)] if frame.dtype.kind == "f" else frame.ravel()
    if values.size == 0:
        return full_scale
    low, high = float(values.min()), float(values.max())
    # Three levels at least: in a dim 8-bit frame, 5 % of the range may hold no level at all.
    band = max(0.05 * (high - low), 3.0 if high > 16 else 0.0)
    top = values[values >= high - band]
    piled = int(np.count_nonzero(top == high))
    if piled >= PILE_UP_PIXELS and piled > top.size - piled and high > np.median(values[::7]):
        return high
    return full_scale


def isolated_pixels(frame: Array, sigma: float = ISOLATION_SIGMA) -> Array:
    """Hot and dead pixels: far outside the range of their eight neighbours.

    Light that passed a millimetre of free space is smooth over a few pixels, a broken pixel is
    not; the top of a focus, which falls off over several pixels, is left. "Far" is `sigma` times
    the robust noise of the frame (MAD of the difference between a pixel and the mean of its
    neighbours left and right). Two broken pixels side by side hide each other; give a mask for
    those.

    Returns
    -------
    array of bool, shape (y, x)
    """
    values = frame.astype(np.float32, copy=False)
    padded = np.pad(values, 1, mode="reflect") if min(values.shape) > 1 else None
    if padded is None:
        return np.zeros(values.shape, bool)
    height, width = values.shape
    lowest = np.full(values.shape, np.inf, np.float32)
    highest = np.full(values.shape, -np.inf, np.float32)
    for dy in range(3):
        for dx in range(3):
            if (dy, dx) != (1, 1):
                neighbour = padded[dy : dy + height, dx : dx + width]
                np.fmin(lowest, neighbour, out=lowest)
                np.fmax(highest, neighbour, out=highest)
    between = values[:, 1:-1] - (values[:, :-2] + values[:, 2:]) / 2
    between = between[np.isfinite(between)]
    if between.size == 0:
        return np.zeros(values.shape, bool)
    between = between[:: max(1, between.size // _NOISE_SAMPLES)]
    noise = 1.4826 * float(np.median(np.abs(between - np.median(between))))
    # In a noiseless frame everything would stand out: ask for 1 % of the brightness as well.
    margin = max(sigma * noise, 0.01 * abs(float(np.nanmedian(values[::3, ::3]))))
    with np.errstate(invalid="ignore"):
        hot: Array = values > highest + margin
        cold: Array = values < lowest - margin
    _leave_smooth_peaks(hot, values, highest, margin)
    _leave_smooth_peaks(cold, -values, -lowest, margin)
    return hot | cold


def _leave_smooth_peaks(found: Array, values: Array, highest: Array, margin: float) -> None:
    """Take back, in place, the tops of peaks that also fall off from the first ring to the second.

    A cell focuses light to a spot several pixels wide: near its top a parabola, which loses three
    times as much from the first ring to the second as from the top to the first.
    """
    height, width = values.shape
    for y, x in np.argwhere(found):
        window = np.s_[max(y - 2, 0) : min(y + 3, height), max(x - 2, 0) : min(x + 3, width)]
        ring = values[window].copy()
        ring[max(y - 1, 0) - max(y - 2, 0) :, max(x - 1, 0) - max(x - 2, 0) :][:3, :3] = -np.inf
        around = highest[y, x]
        found[y, x] = values[y, x] - around > margin + (around - np.nanmax(ring))


def _frame_quality(
    frames: Array, *, saturation: float | None, full_scale: float, dead: Array | None
) -> Array:
    """Saturated, dead, missing, mean brightness: ``(..., y, x)`` to ``(..., 4)``."""
    out = np.full((*frames.shape[:-2], 4), np.nan)
    for index in np.ndindex(frames.shape[:-2]):
        frame = frames[index]
        known = np.isfinite(frame)
        if not known.any():
            out[index] = (np.nan, np.nan, 1.0, np.nan)
            continue
        level = saturation_level(frame, full_scale) if saturation is None else saturation
        broken = isolated_pixels(frame)
        if dead is not None:
            broken = broken | dead
        out[index] = (
            np.count_nonzero(frame >= level) / frame.size,
            np.count_nonzero(broken) / frame.size,
            0.0,
            frame.mean(where=known, dtype=np.float64),
        )
    return out


def quality(
    hologram: xr.DataArray, *, saturation: float | None = None, dead: Array | None = None
) -> xr.Dataset:
    """Quality of each exposure of each frame, as ``[time,] exposure``.

    Parameters
    ----------
    hologram : DataArray, dims ([time,] exposure, y, x)
        Counts, before the background is divided out.
    saturation : float, optional
        Level at which pixels saturate (counts); found in each frame when not given, see
        :func:`saturation_level`.
    dead : array of bool, shape (y, x), optional
        Pixels known to be broken, beside those found.

    Returns
    -------
    Dataset
        ``quality_saturated`` and ``quality_dead`` (fractions of the pixels), ``quality_missing``
        (bool) and ``quality_drift`` (brightness relative to the first frame; NaN throughout
        where that one is missing). Lazy where the hologram is.

    Examples
    --------
    >>> frame = np.random.default_rng(0).normal(100, 2, (1, 32, 32)).clip(0, 255)
    >>> frame[0, 5, 5] = 250
    >>> q = quality(xr.DataArray(frame, dims=("wavelength", "y", "x")))
    >>> float(q.quality_dead[0]) == 1 / 32**2
    True
    """
    whole = whole_frames(hologram)
    measured = xr.apply_ufunc(
        _frame_quality,
        whole.drop_attrs(deep=False),
        input_core_dims=[["y", "x"]],
        output_core_dims=[["quality"]],
        kwargs={
            "saturation": saturation,
            "full_scale": full_scale_of(hologram),
            "dead": dead,
        },
        dask="parallelized",
        output_dtypes=[np.float64],
        dask_gufunc_kwargs={"output_sizes": {"quality": 4}},
    )
    brightness = measured.isel(quality=3)
    first = brightness.isel(time=0, drop=True) if "time" in brightness.dims else brightness
    columns = {
        "quality_saturated": measured.isel(quality=0).astype(np.float32),
        "quality_dead": measured.isel(quality=1).astype(np.float32),
        "quality_missing": measured.isel(quality=2) > 0,
        "quality_drift": (brightness / first).astype(np.float32),
    }
    return xr.Dataset(
        {
            name: column.assign_attrs(units="1", long_name=LONG_NAMES[name])
            for name, column in columns.items()
        }
    )
