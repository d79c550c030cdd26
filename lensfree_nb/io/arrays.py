"""Arrays of any kind with the contract's dims, units and times."""

from __future__ import annotations

import warnings
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from lensfree_nb.contract import EXPOSURE_DIMS, SAME_PITCH
from lensfree_nb.errors import (
    DataError,
    DimensionError,
    LensfreeWarning,
    ParameterError,
    QualityWarning,
    SetupError,
    UnitError,
)
from lensfree_nb.units import dequantified, floats, is_dimensionless, is_quantity

_COUNTS: Final = frozenset({"counts", "count", "ct", "adu", "dn"})
# A hologram divided by its background has a median of 1; far from it, floats are counts.
_NORMALISED_RANGE: Final = (0.2, 5.0)


def whole_frames(hologram: xr.DataArray) -> xr.DataArray:
    """The same with each frame in one chunk; coordinates stay in memory, as they were."""
    if hologram.chunks is None:
        return hologram
    return hologram.copy(data=hologram.variable.chunk({"y": -1, "x": -1}).data)


def named(data: Any, dim: str, wavelengths: int, distances: int) -> xr.DataArray:
    """An array of any kind as a DataArray with dims ``[time,] exposure, y, x``.

    Parameters
    ----------
    data : array, quantity or DataArray
    dim : {"wavelength", "plane"}
        Name of the exposures.
    wavelengths, distances : int
        How many are given; they tell whether the first of three dims is frames or exposures.
    """
    if isinstance(data, xr.Dataset):
        raise DimensionError("data is a Dataset; give its array of holograms: ds['hologram']")
    if isinstance(data, xr.DataArray):
        array = dequantified(data)
        if not {"y", "x"} <= set(array.dims):
            raise DimensionError(f"data has dims {array.dims}; rename the frame's dims to y and x")
        if not set(EXPOSURE_DIMS) & set(array.dims):
            array = array.expand_dims(dim)
        extra = set(array.dims) - {"time", *EXPOSURE_DIMS, "y", "x"}
        if extra or set(EXPOSURE_DIMS) <= set(array.dims):
            raise DimensionError(
                f"data has dims {data.dims}; expected [time,] wavelength or plane, y, x"
            )
        order = [d for d in ("time", *EXPOSURE_DIMS, "y", "x") if d in array.dims]
        return array.transpose(*order)
    units = None
    if is_quantity(data):
        units, data = f"{data.units:~}", data.magnitude
    return _named_plain(data, units, dim, distances if dim == "plane" else wavelengths)


def _named_plain(data: Any, units: str | None, dim: str, exposures: int) -> xr.DataArray:
    array = plain(data)
    if array.ndim not in (2, 3, 4):
        raise DimensionError(
            f"data has shape {array.shape}; expected (y, x), (exposure, y, x) or "
            "(time, exposure, y, x)"
        )
    if 0 in array.shape:
        raise DimensionError(f"data is empty: its shape is {array.shape}")
    lead: tuple[str, ...] = ("time", dim)[4 - array.ndim :]
    if array.ndim == 3 and array.shape[0] > 1 and exposures == 1:
        lead = ("time",)
    if array.ndim == 3 and exposures > 1 and array.shape[0] != exposures == array.shape[-1]:
        raise DimensionError(
            f"data has shape {array.shape}: colours come last; put them first "
            "(np.moveaxis(data, -1, 0))"
        )
    named = xr.DataArray(
        array, dims=(*lead, "y", "x"), attrs={} if units is None else {"units": units}
    )
    return named if dim in named.dims else named.expand_dims(dim, axis=len(lead))


def plain(data: Any) -> Any:
    """A dask array as it is, anything else as numpy, NaN where a masked array is masked."""
    if hasattr(data, "dask"):
        return data
    if isinstance(data, np.ma.MaskedArray):
        return np.where(np.ma.getmaskarray(data), np.nan, data.data)
    return np.asarray(data)


def in_order_of(array: xr.DataArray, wavelength_nm: tuple[float, ...], name: str) -> xr.DataArray:
    """Colours in the order of those wavelengths, where the array labels its own.

    Warns where the labels are others: what is given wins.
    """
    if "wavelength" not in array.dims or "wavelength" not in array.coords:
        return array
    labels = np.array(floats(array.coords["wavelength"], "nm", "wavelength"))
    wanted = np.array(wavelength_nm)
    if len(labels) != len(wanted) or np.allclose(labels, wanted, rtol=1e-3):
        return array
    order = [int(np.argmin(np.abs(labels - w))) for w in wanted]
    if len(set(order)) == len(order) and np.allclose(labels[order], wanted, rtol=1e-3):
        return array.isel(wavelength=order)
    warnings.warn(
        f"{name} is labelled with wavelengths {labels.tolist()}, given are {wanted.tolist()} nm; "
        "the given ones are used, in their order",
        LensfreeWarning,
        stacklevel=3,
    )
    return array


def with_units(hologram: xr.DataArray, divides: bool) -> xr.DataArray:
    """`hologram` with ``units`` set, and what its file format can hold as ``full_scale``.

    Integers, and floats that are still to be divided by a background, are counts.
    """
    kind = np.dtype(hologram.dtype).kind
    if kind not in "uif":
        raise DataError(
            f"data has dtype {hologram.dtype}; a hologram is an intensity, real and >= 0 "
            "(for a complex field use abs(field)**2, or lensfree_nb.from_opd for its phase)"
        )
    given = hologram.attrs.get("units")
    if given is not None and str(given).lower() in _COUNTS:
        units = "counts"
    elif given is not None:
        if not is_dimensionless(given):
            raise UnitError(f"data has units {given!r}; a hologram has 'counts' or '1'")
        units = "1"
    elif kind in "ui" or divides:
        units = "counts"
    elif hologram.chunks is not None:
        units = "1"
    else:
        low, high = _NORMALISED_RANGE
        median = float(hologram[..., ::4, ::4].median(skipna=True))
        units = "1" if low <= median <= high or np.isnan(median) else "counts"
    attrs = {**hologram.attrs, "units": units}
    if np.dtype(hologram.dtype) in (np.uint8, np.uint16):
        attrs.setdefault("full_scale", float(np.iinfo(hologram.dtype).max))
    return hologram.assign_attrs(attrs)


def check_values(hologram: xr.DataArray) -> None:
    """Refuse impossible values in memory; those of a lazy array are met when they are read."""
    if hologram.chunks is not None or np.dtype(hologram.dtype).kind == "u":
        return
    values = hologram.values
    known = values[~np.isnan(values)] if values.dtype.kind == "f" else values
    if known.size == 0:
        raise DataError("data holds no known pixel: every value is NaN")
    if np.isinf(known).any():
        raise DataError("data holds infinite values; mark unknown pixels by NaN")
    if known.min() < 0:
        raise DataError(
            f"data holds negative values (down to {known.min():g}); an intensity is >= 0: do not "
            "subtract the background, divide by it, and give dark counts as dark="
        )


def with_time(hologram: xr.DataArray, time: Any) -> xr.DataArray:
    """`hologram` with a checked ``time`` coordinate (datetime64[ns], UTC of stated zones)."""
    if time is None and "time" in hologram.coords:
        time = hologram.coords["time"].values
    if time is None:
        return hologram
    values = np.atleast_1d(np.asarray(time))
    if values.dtype.kind in "biuf":
        raise ParameterError(f"time is {values[:3]}…; give dates, not numbers")
    try:
        moments = [pd.Timestamp(v) for v in values.ravel()]
        plain = [m.tz_convert(None) if m.tzinfo else m for m in moments]
        times = pd.DatetimeIndex(plain).as_unit("ns").to_numpy()
    except (ValueError, TypeError) as error:
        raise ParameterError(f"time holds what is not a date: {values[:3]}") from error
    if "time" not in hologram.dims:
        hologram = hologram.expand_dims("time")
    if len(times) != hologram.sizes["time"]:
        raise DimensionError(
            f"time has {len(times)} values for {hologram.sizes['time']} frames; give one a frame"
        )
    if (np.diff(times) < np.timedelta64(0)).any():
        warnings.warn(
            "the times of the frames do not rise; where they are wrong give time= or "
            "time_pattern=, where the frames are not in order use ds.sortby('time')",
            QualityWarning,
            stacklevel=3,
        )
    return hologram.assign_coords(time=("time", times))


def pixel_centres(array: xr.DataArray, dim: str, pixel_size_um: float) -> xr.Variable:
    """Coordinate of the pixel centres (µm): the array's own where it has a unit, as of a crop.

    Raises
    ------
    SetupError
        If its own are not `pixel_size_um` apart.
    """
    counted = np.arange(array.sizes[dim]) * pixel_size_um
    own = array.coords.get(dim)
    if own is not None and "units" in own.attrs:
        placed = np.array(floats(own, "um", dim))
        if not np.allclose(np.diff(placed), pixel_size_um, rtol=SAME_PITCH):
            raise SetupError(
                f"coordinate {dim} does not rise by pixel_size_um ({pixel_size_um:g} um) a "
                f"pixel; correct one, or drop it (data.drop_vars({dim!r}))"
            )
        counted = placed
    return xr.Variable(dim, counted, {"units": "um"})
