"""Arrays in memory into the data contract."""

from __future__ import annotations

from numbers import Real
from typing import Any, Literal

import numpy as np
import xarray as xr

from lensfree_nb.contract import EXPOSURE_DIMS, LONG_NAMES
from lensfree_nb.errors import ParameterError, SetupError
from lensfree_nb.io.arrays import (
    check_values,
    in_order_of,
    named,
    pixel_centres,
    with_time,
    with_units,
)
from lensfree_nb.io.background import checked_plane, divide_background
from lensfree_nb.io.holopy import is_holopy, read_holopy
from lensfree_nb.io.quality import quality
from lensfree_nb.microscope import Setup
from lensfree_nb.provenance import provenance
from lensfree_nb.units import floats, one_float


def acquisition(
    data: Any,
    *,
    wavelength_nm: Any = None,
    pixel_size_um: Any = None,
    distance_um: Any = None,
    dim: Literal["wavelength", "plane"] = "wavelength",
    time: Any = None,
    background: Any = None,
    dark: Any = None,
    saturation: float | None = None,
    dead: Any = None,
    medium_index: Any = None,
    source_diameter_um: Any = 0.0,
    source_distance_mm: Any = None,
    bandwidth_nm: Any = 0.0,
) -> xr.Dataset:
    """A dataset that keeps the contract, from an array of holograms.

    Parameters
    ----------
    data : numpy, dask or pint-quantified array, or DataArray
        ``(y, x)``: one exposure. ``(n, y, x)``: the exposures of one frame, or n frames of a
        single exposure where one wavelength (or, with ``dim="plane"``, one distance) is given.
        ``(time, exposure, y, x)``: everything. The dims of a DataArray go by name;
        HoloPy's objects are understood, their wavelength and pixel size read.
        Integers are counts. Floats are taken as normalised (background 1), unless
        ``attrs["units"]`` says ``counts``, or their median in memory is far from 1.
    wavelength_nm : float or sequence
        Vacuum wavelength (nm) of each exposure; of heights, one for all will do.
    pixel_size_um : float
        Pixel pitch (µm).
    distance_um : float or sequence, optional
        Sample-to-sensor distance (µm) of each exposure, or one for all.
    dim : {"wavelength", "plane"}
        What the exposures of a frame are: colours or heights.
    time : sequence of datetime64 (or what pandas reads as dates), optional
        When each frame was taken.
    background, dark, saturation, dead
        See :func:`lensfree_nb.io.background.divide_background`; None (default) leaves the counts,
        with NaN where a level or a mask given here says that a pixel is unknown.
    medium_index, source_diameter_um, source_distance_mm, bandwidth_nm : float
        See :class:`lensfree_nb.microscope.Setup`; the index is 1 where neither given nor stated.

    Returns
    -------
    Dataset
        ``hologram`` with its coordinates, the setup as attributes, and the columns of
        :func:`lensfree_nb.io.quality.quality`. Lazy where `data` is.

    Raises
    ------
    DimensionError, UnitError, SetupError, DistanceError, DataError, ParameterError
        Each names what is wrong and what to do.

    Examples
    --------
    >>> ds = acquisition(np.full((3, 64, 64), 100, np.uint8), distance_um=1000,
    ...                  wavelength_nm=(640, 530, 450), pixel_size_um=1.67)
    >>> ds.hologram.dims, ds.hologram.attrs["units"], ds.distance.values.tolist()
    (('wavelength', 'y', 'x'), 'counts', [1000.0, 1000.0, 1000.0])
    """
    if dim not in EXPOSURE_DIMS:
        raise ParameterError(f"dim is {dim!r}; it must be 'wavelength' or 'plane'")
    if is_holopy(data):
        data, stated = read_holopy(data)
        wavelength_nm = stated.get("wavelength_nm") if wavelength_nm is None else wavelength_nm
        pixel_size_um = stated.get("pixel_size_um") if pixel_size_um is None else pixel_size_um
        medium_index = stated.get("medium_index") if medium_index is None else medium_index
    wavelength = _wavelengths(data, wavelength_nm)
    distance = None if distance_um is None else floats(distance_um, "um", "distance_um")
    hologram = named(data, dim, len(wavelength), 0 if distance is None else len(distance))
    hologram = in_order_of(hologram, wavelength, "data")
    dim = "wavelength" if "wavelength" in hologram.dims else "plane"
    setup = Setup(
        wavelength_nm=_each(wavelength, hologram.sizes[dim], "wavelength_nm", dim),
        pixel_size_um=one_float(_pixel_size(data, pixel_size_um), "um", "pixel_size_um"),
        distance_um=None
        if distance is None
        else _each(distance, hologram.sizes[dim], "distance_um", dim),
        medium_index=1.0 if medium_index is None else one_float(medium_index, "", "medium_index"),
        source_diameter_um=one_float(source_diameter_um, "um", "source_diameter_um"),
        source_distance_mm=np.inf
        if source_distance_mm is None
        else one_float(source_distance_mm, "mm", "source_distance_mm"),
        bandwidth_nm=one_float(bandwidth_nm, "nm", "bandwidth_nm"),
    )
    hologram = with_units(hologram, background is not None)
    check_values(hologram)
    hologram = with_time(hologram, time)
    hologram = hologram.assign_coords(_coordinates(hologram, setup, dim))
    return _dataset(hologram, setup, background, dark=dark, saturation=saturation, dead=dead)


def _dataset(
    hologram: xr.DataArray,
    setup: Setup,
    background: Any,
    *,
    dark: Any,
    saturation: float | None,
    dead: Any,
) -> xr.Dataset:
    if saturation is not None and not (isinstance(saturation, Real) and saturation > 0):
        raise ParameterError(f"saturation is {saturation!r}; it must be a level > 0 (counts)")
    shape = (hologram.sizes["y"], hologram.sizes["x"])
    mask = None if dead is None or isinstance(dead, str) else checked_plane(dead, shape, "dead")
    mask = None if mask is None else np.broadcast_to(np.asarray(mask, bool), shape)
    columns = quality(hologram, saturation=saturation, dead=mask)
    divided = divide_background(
        hologram,
        background,
        dark=dark,
        saturation=saturation,
        dead=mask if mask is not None else dead,
    )
    ds = columns.assign(hologram=divided.assign_attrs(long_name=LONG_NAMES["hologram"]))
    ds.attrs = {
        "pixel_size_um": setup.pixel_size_um,
        "medium_index": setup.medium_index,
        "source_diameter_um": setup.source_diameter_um,
        "bandwidth_nm": setup.bandwidth_nm,
    }
    if np.isfinite(setup.source_distance_mm):
        ds.attrs["source_distance_mm"] = setup.source_distance_mm
    ds.attrs = provenance(
        ds,
        "acquisition",
        background=background if isinstance(background, str | None) else "given",
        dark=dark is not None,
        saturation=saturation,
        dead=dead if isinstance(dead, str | None) else "given",
    )
    return ds[["hologram", *columns]]


def _wavelengths(data: Any, given: Any) -> tuple[float, ...]:
    if given is None and isinstance(data, xr.DataArray) and "wavelength" in data.coords:
        given = data.coords["wavelength"]
    if given is None:
        raise SetupError("wavelength_nm is missing; give the wavelength of each exposure (nm)")
    return floats(given, "nm", "wavelength_nm")


def _pixel_size(data: Any, given: Any) -> Any:
    if given is None and isinstance(data, xr.DataArray):
        given = data.attrs.get("pixel_size_um")
        if given is None and data.sizes["x"] > 1 and "units" in data.coords.get("x", data).attrs:
            x = floats(data.coords["x"][:2], "um", "x")
            given = abs(x[1] - x[0])
    if given is None:
        raise SetupError("pixel_size_um is missing; give the sensor's pixel pitch (um)")
    return given


def _each(values: tuple[float, ...], exposures: int, name: str, dim: str) -> tuple[float, ...]:
    colours = name == "wavelength_nm" and dim == "wavelength"
    if len(values) == 1 and not colours:
        return values * exposures
    if len(values) != exposures:
        raise SetupError(
            f"{name} has {len(values)} values for {exposures} exposures along {dim!r}; give "
            + ("one a colour (several heights in one colour: dim='plane')" if colours else "one, ")
            + ("" if colours else "or one an exposure")
        )
    return values


def _coordinates(hologram: xr.DataArray, setup: Setup, dim: str) -> dict[str, xr.Variable]:
    coordinates = {
        "wavelength": xr.Variable(dim, list(setup.wavelength_nm), {"units": "nm"}),
        "y": pixel_centres(hologram, "y", setup.pixel_size_um),
        "x": pixel_centres(hologram, "x", setup.pixel_size_um),
    }
    if setup.distance_um is not None:
        furthest = max(setup.distance_um)
        attrs = {"units": "um", "long_name": "sample-to-sensor distance", "furthest_um": furthest}
        coordinates["distance"] = xr.Variable(dim, list(setup.distance_um), attrs)
    return coordinates
