"""The data contract: names, units, and the checks at the door.

A frame is a set of *exposures*: along ``wavelength`` (colours) or ``plane`` (heights). Each
exposure has its own wavelength and distance, so one forward model serves a colour
hologram, a multi-height stack and a single hologram. In a normalised hologram (unit ``1``,
background 1) NaN marks a pixel that is unknown: saturated, dead, or never recorded.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import xarray as xr

from lensfree_nb.errors import DataError, DimensionError, DistanceError, SetupError, UnitError
from lensfree_nb.microscope import Setup, check_distance
from lensfree_nb.units import dequantified, floats, is_dimensionless, length_factor

EXPOSURE_DIMS: Final = ("wavelength", "plane")
HOLOGRAM_UNITS: Final = ("1", "counts")
LONG_NAMES: Final = {
    "hologram": "hologram intensity",
    "opd": "optical path difference",
    "absorption": "absorption",
    "residual": "misfit of the predicted hologram",
    "trusted": "whether the result may be believed",
}
SAME_PITCH: Final = 0.01
SLOPES: Final = ("distance_slope_y", "distance_slope_x")
SHIFTS: Final = ("shift_y", "shift_x")
METRIC_UNITS: Final = {
    "area_um2": "um^2",
    "dry_mass_pg": "pg",
    "max_opd_nm": "nm",
    "major_axis_um": "um",
}
# What becomes of a cell between two frames.
CHANGE_UNITS: Final = {
    "displacement_y_um": "um",
    "displacement_x_um": "um",
    "elongation_um_per_h": "um/h",
    "growth_pg_per_h": "pg/h",
}


def exposure_dim(obj: xr.DataArray | xr.Dataset) -> str:
    """Name of the dimension along which the exposures of a frame run.

    >>> exposure_dim(xr.DataArray(np.ones((2, 4, 4)), dims=("plane", "y", "x")))
    'plane'
    """
    found = [dim for dim in EXPOSURE_DIMS if dim in obj.dims]
    if len(found) != 1:
        raise DimensionError(
            f"hologram has dims {tuple(obj.dims)}; exactly one of 'wavelength' (colours) or "
            "'plane' (heights) must be among them: use lensfree_nb.acquisition(...)"
        )
    return found[0]


def hologram_of(ds: xr.Dataset) -> xr.DataArray:
    """The hologram of a dataset, checked, in the order ``[time,] exposure, y, x``.

    Looks at names, dims and units only; never at values, so nothing is computed.

    Raises
    ------
    DimensionError, UnitError, SetupError
        If the dataset does not keep the contract.
    """
    hologram = dequantified(_variable(ds, "hologram", "open it with lensfree_nb.acquisition"))
    exposure = exposure_dim(hologram)
    hologram = _framed(hologram, (exposure, "y", "x"))
    if str(hologram.attrs.get("units", "1")) not in HOLOGRAM_UNITS:
        raise UnitError(
            f"hologram has units {hologram.attrs['units']!r}; it must be 'counts' or '1'"
        )
    if np.dtype(hologram.dtype).kind not in "uif":
        raise DataError(
            f"hologram has dtype {hologram.dtype}; a hologram is an intensity, real and >= 0"
        )
    return hologram


def opd_of(ds: xr.Dataset) -> xr.DataArray:
    """The optical path difference of a dataset in nm, checked, as ``[time,] y, x``."""
    opd = dequantified(_variable(ds, "opd", "call ds.lf.reconstruct() or lensfree_nb.from_opd"))
    opd = _framed(opd, ("y", "x"))
    units = opd.attrs.get("units")
    if units is None or is_dimensionless(units):
        raise UnitError("opd has no unit of length; set opd.attrs['units'] = 'nm'")
    if np.dtype(opd.dtype).kind not in "uif":
        raise DataError(f"opd has dtype {opd.dtype}; it must be real")
    factor = length_factor(str(units), "nm")
    if factor != 1.0:
        attrs = opd.attrs
        opd = (opd * factor).assign_attrs(attrs).assign_attrs(units="nm")
    return opd


def _variable(ds: xr.Dataset, name: str, remedy: str) -> xr.DataArray:
    if not isinstance(ds, xr.Dataset):
        raise DimensionError(f"expected an xarray.Dataset with {name!r}, not {type(ds).__name__}")
    if name not in ds:
        raise DimensionError(f"the dataset has no variable {name!r}; {remedy}")
    return ds[name]


def _framed(array: xr.DataArray, frame_dims: tuple[str, ...]) -> xr.DataArray:
    missing = [dim for dim in frame_dims if dim not in array.dims]
    extra = [dim for dim in array.dims if dim not in (*frame_dims, "time")]
    if missing or extra:
        raise DimensionError(
            f"{array.name} has dims {tuple(array.dims)}; expected [time,] "
            f"{', '.join(frame_dims)}: missing {missing}, unexpected {extra}"
        )
    if 0 in array.shape:
        raise DimensionError(f"{array.name} is empty: {dict(array.sizes)}")
    lead = ("time",) if "time" in array.dims else ()
    return array.transpose(*lead, *frame_dims)


def pixel_size_of(ds: xr.Dataset) -> float:
    """Pixel pitch of a dataset (µm), from its attribute or its coordinates; they must agree.

    Raises
    ------
    SetupError
        If the pitch is unknown, differs between ``y`` and ``x``, or between attribute and
        coordinates (as after a stride), or a coordinate runs backwards.
    """
    found = [pitch for dim in ("y", "x") if (pitch := _spacing_um(ds, dim)) is not None]
    if "pixel_size_um" in ds.attrs:
        found.insert(0, floats(ds.attrs["pixel_size_um"], "um", "pixel_size_um")[0])
    if not found:
        raise SetupError("pixel_size_um is unknown; set ds.attrs['pixel_size_um'] (µm)")
    if not np.allclose(found, found[0], rtol=SAME_PITCH):
        raise SetupError(
            f"pixel_size_um and the spacing of y and x are {', '.join(f'{p:g}' for p in found)} "
            "um; pixels are square and all must agree: after a stride or coarsen, set "
            "ds.attrs['pixel_size_um']"
        )
    return found[0]


def frame_origin_um(ds: xr.Dataset) -> tuple[float, float]:
    """Where the centre of the first pixel lies along y and x (µm): 0, 0 unless cropped."""
    y, x = (
        0.0 if _spacing_um(ds, dim) is None else floats(ds.coords[dim][:1], "um", dim)[0]
        for dim in ("y", "x")
    )
    return y, x


def _spacing_um(ds: xr.Dataset, dim: str) -> float | None:
    """Distance of the pixels along a coordinate that has a unit of length, or None."""
    if dim not in ds.coords or ds.sizes[dim] < 2:
        return None
    if "units" not in ds.coords[dim].attrs and "pixel_size_um" in ds.attrs:
        return None  # numbers of pixels, perhaps
    first, second = floats(ds.coords[dim][:2], "um", dim)
    if not second > first:
        raise SetupError(f"coordinate {dim} runs backwards; use ds.sortby({dim!r})")
    return second - first


def setup_of(ds: xr.Dataset) -> Setup:
    """The microscope of a dataset, from its coordinates and attributes.

    ``distance_um`` is left unset: it may vary over time and may be lazy, see
    :func:`distance_of`.

    Raises
    ------
    SetupError
        If the wavelength or the pixel size is missing or impossible.
    """
    if "wavelength" not in ds.coords:
        raise SetupError(
            "the wavelength of the exposures is unknown; give wavelength_nm when opening or "
            "assign ds.coords['wavelength'] (nm)"
        )
    wavelength = floats(ds.coords["wavelength"], "nm", "wavelength")
    exposures = ds.sizes[exposure_dim(ds)]
    if len(wavelength) == 1:
        wavelength *= exposures
    if len(wavelength) != exposures:
        raise SetupError(f"{len(wavelength)} wavelengths for {exposures} exposures")
    optional: dict[str, Any] = {
        name: floats(ds.attrs[name], unit, name)[0]
        for name, unit in (
            ("medium_index", "dimensionless"),
            ("source_diameter_um", "um"),
            ("source_distance_mm", "mm"),
            ("bandwidth_nm", "nm"),
        )
        if name in ds.attrs
    }
    return Setup(wavelength_nm=wavelength, pixel_size_um=pixel_size_of(ds), **optional)


def distance_of(ds: xr.Dataset) -> xr.DataArray:
    """Distance of each exposure (µm) as ``[time,] exposure``; lazy where it was found lazily.

    Raises
    ------
    DistanceError
        If the dataset states no distance, or states one out of range.
    """
    exposure = exposure_dim(ds)
    if "distance" in ds.coords:
        distance = dequantified(ds.coords["distance"]).reset_coords(drop=True)
        unit = str(distance.attrs.get("units", "um"))
        distance = distance.astype(float) * length_factor(unit, "um")
    elif "distance_um" in ds.attrs:
        values = floats(ds.attrs["distance_um"], "um", "distance_um")
        distance = xr.DataArray(list(values), dims=exposure)
        distance = distance if len(values) > 1 else distance.isel({exposure: 0})
    else:
        Setup((500.0,), 1.0).known_distance()
    if extra := sorted(map(str, set(distance.dims) - {exposure, "time"})):
        raise DistanceError(
            f"distance varies along {', '.join(extra)}; give one an exposure, or "
            "one a frame: a tilted dish has slopes beside it (find_tilt)"
        )
    if exposure not in distance.dims:
        distance = distance.expand_dims({exposure: ds.sizes[exposure]}, -1)
    if distance.sizes[exposure] != ds.sizes[exposure]:
        raise DistanceError(
            f"{distance.sizes[exposure]} distances for {ds.sizes[exposure]} exposures; give "
            "one, or one an exposure"
        )
    if distance.chunks is None:
        for value in distance.values.ravel():
            check_distance(float(value))
    return distance.transpose(..., exposure).assign_attrs(units="um")


def shift_of(ds: xr.Dataset) -> xr.DataArray:
    """Where each exposure's hologram lies (y, x; µm) as ``exposure, axis``; 0 where none is set.

    NaN where :func:`lensfree_nb.reconstruct.register.register` did not find it; lazy where it was
    looked for lazily.
    """
    exposure = exposure_dim(ds)
    if not _both(ds, SHIFTS):
        return xr.DataArray(np.zeros((ds.sizes[exposure], 2)), dims=(exposure, "axis"))
    parts = []
    for name in SHIFTS:
        shift = dequantified(ds.coords[name]).reset_coords(drop=True)
        if exposure not in shift.dims or set(shift.dims) > {exposure, "time"}:
            raise SetupError(f"{name} has dims {shift.dims}; give one number an exposure")
        parts.append(shift * length_factor(str(shift.attrs.get("units", "um")), "um"))
    shifts = xr.concat(parts, dim="axis").transpose(..., exposure, "axis")
    return shifts if shifts.chunks is None else shifts.chunk({exposure: -1, "axis": -1})


def is_tilted(ds: xr.Dataset) -> bool:
    """Whether the distance changes over the sensor: ``find_tilt`` says so."""
    return _both(ds, SLOPES)


def slope_of(ds: xr.Dataset) -> xr.DataArray:
    """Slope of the distance along y and x (µm/mm) as ``[time,] axis``; 0 where none is set."""
    if not is_tilted(ds):
        return xr.DataArray(np.zeros(2), dims="axis")
    parts = [ds.coords[name].reset_coords(drop=True) for name in SLOPES]
    return xr.concat(parts, dim="axis").transpose(..., "axis")


def _both(ds: xr.Dataset, names: tuple[str, str]) -> bool:
    """Whether both coordinates are set; that one is alone is a slip."""
    there = [name in ds.coords for name in names]
    if any(there) and not all(there):
        alone, other = sorted(names, key=lambda name: name not in ds.coords)
        raise SetupError(f"{alone} is set without {other}; set both, or neither")
    return all(there)


def full_scale_of(hologram: xr.DataArray) -> float:
    """Counts at which the camera's range ends; infinite where nobody said."""
    if "full_scale" not in hologram.attrs:
        return math.inf
    return floats(hologram.attrs["full_scale"], "dimensionless", "full_scale")[0]
