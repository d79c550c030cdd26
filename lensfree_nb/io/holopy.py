"""HoloPy's data, read by its conventions: lengths in µm, setup in the attributes.

HoloPy keeps an image as a DataArray with dims among ``z, x, y`` (and ``illumination`` for
colours), coordinates in µm, and attributes ``medium_index``, ``illum_wavelen`` (vacuum wavelength,
µm), ``noise_sd``, … (Barkley et al., arXiv:1806.00058). Nothing of HoloPy is needed for it.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from lensfree_nb.errors import DimensionError, OpeningError, SetupError

_HDF5 = b"\x89HDF\r\n\x1a\n"
_MARKS = ("illum_wavelen", "illum_polarization", "noise_sd")


def is_holopy(data: object) -> bool:
    """Whether `data` is a DataArray that follows HoloPy's conventions."""
    if not isinstance(data, xr.DataArray):
        return False
    return "illum_wavelen" in data.attrs or (
        {"x", "y"} <= set(data.dims)
        and bool({"z", "illumination"} & set(data.dims))
        and any(mark in data.attrs for mark in _MARKS)
    )


def read_holopy(data: xr.DataArray) -> tuple[xr.DataArray, dict[str, Any]]:
    """A HoloPy image as ``[time,] wavelength, y, x`` and what it says about the setup.

    Returns
    -------
    array : DataArray
        Without coordinates, dims in our order.
    setup : dict
        Those of ``wavelength_nm, pixel_size_um, medium_index`` that the object states.

    Raises
    ------
    DimensionError
        If it has several ``z``, or dims that HoloPy does not use.
    SetupError
        If its pixels are not square.

    Examples
    --------
    >>> image = xr.DataArray(
    ...     np.ones((1, 3, 4)), dims=("z", "x", "y"),
    ...     coords={"z": [0], "x": 0.1 * np.arange(3), "y": 0.1 * np.arange(4)},
    ...     attrs={"illum_wavelen": 0.66, "medium_index": 1.33})
    >>> array, setup = read_holopy(image)
    >>> array.dims, setup["wavelength_nm"], round(setup["pixel_size_um"], 6)
    (('wavelength', 'y', 'x'), (660.0,), 0.1)
    """
    setup: dict[str, Any] = {}
    if data.attrs.get("medium_index") is not None:
        setup["medium_index"] = float(data.attrs["medium_index"])
    wavelength = data.attrs.get("illum_wavelen")
    if wavelength is not None:
        microns = wavelength.values if isinstance(wavelength, xr.DataArray) else wavelength
        setup["wavelength_nm"] = tuple(float(f"{w * 1e3:.9g}") for w in np.atleast_1d(microns))
    steps = [
        float(abs(np.diff(data.coords[dim].values[:2])[0]))
        for dim in ("x", "y")
        if dim in data.coords and data.sizes.get(dim, 0) > 1
    ]
    if steps:
        if max(steps) - min(steps) > 1e-3 * max(steps):
            raise SetupError(f"x and y are spaced by {steps} um; pixels must be square")
        setup["pixel_size_um"] = float(f"{steps[0]:.9g}")
    return _in_our_order(data), setup


def _in_our_order(data: xr.DataArray) -> xr.DataArray:
    if "z" in data.dims:
        if data.sizes["z"] != 1:
            raise DimensionError(
                f"the HoloPy object has {data.sizes['z']} positions z; a hologram has one. For "
                "holograms at several distances, concatenate them along 'plane'"
            )
        data = data.isel(z=0)
    frames = {"t": "time", "illumination": "wavelength"}
    plain = data.drop_vars(list(data.coords)).rename(
        {dim: name for dim, name in frames.items() if dim in data.dims}
    )
    if "time" in plain.dims and "time" in data.coords:
        plain = plain.assign_coords(time=data.coords["time"].variable)
    if "wavelength" not in plain.dims:
        plain = plain.expand_dims("wavelength")
    wanted = [dim for dim in ("time", "wavelength", "y", "x") if dim in plain.dims]
    if set(wanted) != set(plain.dims):
        raise DimensionError(f"the HoloPy object has dims {data.dims}; expected x, y (and z)")
    return plain.transpose(*wanted).assign_attrs(
        {name: value for name, value in plain.attrs.items() if name == "noise_sd"}
    )


def read_description(text: str) -> dict[str, Any]:
    """Setup that HoloPy wrote into a TIFF's description (YAML), as in :func:`read_holopy`.

    Empty where the description is not HoloPy's.

    >>> read_description("{illum_wavelen: 0.66, medium_index: 1.33, spacing: [0.1, 0.1]}")
    {'wavelength_nm': (660.0,), 'medium_index': 1.33, 'pixel_size_um': 0.1}
    """
    if not any(mark in text for mark in _MARKS):
        return {}
    import yaml  # type: ignore[import-untyped]

    try:
        stated = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    if not isinstance(stated, dict):
        return {}
    setup: dict[str, Any] = {}
    if stated.get("illum_wavelen") is not None:
        microns = np.atleast_1d(stated["illum_wavelen"])
        setup["wavelength_nm"] = tuple(float(f"{w * 1e3:.9g}") for w in microns)
    if stated.get("medium_index") is not None:
        setup["medium_index"] = float(stated["medium_index"])
    if stated.get("spacing") is not None:
        setup["pixel_size_um"] = float(np.ravel(stated["spacing"])[-1])
    return setup


def open_netcdf(path: Path) -> xr.DataArray:
    """The one image in HoloPy's (or another's) NetCDF file, lazily.

    NetCDF-4, which HoloPy writes, is HDF5 and needs the package h5netcdf (the extra ``holopy``);
    NetCDF-3 is read with SciPy.

    Raises
    ------
    OpeningError
        If the file cannot be read, or what reads it is not installed.
    """
    try:
        return xr.open_dataarray(path)
    except Exception as error:  # depends on which of xarray's engines are installed
        remedy = "check that the file is complete and holds one variable"
        if _is_hdf5(path) and not (find_spec("h5netcdf") or find_spec("netCDF4")):
            remedy = "it is NetCDF-4 (HDF5): pip install 'lensfree_nb[holopy]' to read it"
        raise OpeningError(
            f"{path} cannot be read as NetCDF ({type(error).__name__}: {error}); {remedy}"
        ) from error


def _is_hdf5(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(_HDF5)) == _HDF5
