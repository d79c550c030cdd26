"""Phase images of other instruments, so that they go on through the same verbs."""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
import xarray as xr

from lensfree_nb.contract import LONG_NAMES
from lensfree_nb.errors import DataError, DimensionError, SetupError, UnitError
from lensfree_nb.io.arrays import pixel_centres, plain, with_time
from lensfree_nb.microscope import Setup
from lensfree_nb.provenance import provenance
from lensfree_nb.units import dequantified, floats, is_quantity, length_factor, one_float

_RADIANS: Final = ("rad", "radian", "radians")


def from_opd(
    data: Any,
    *,
    pixel_size_um: Any,
    units: Literal["nm", "um", "rad"] = "nm",
    wavelength_nm: Any = None,
    time: Any = None,
    medium_index: Any = 1.0,
    absorption: Any = None,
) -> xr.Dataset:
    """A dataset with ``opd`` (nm), from quantitative phase of any instrument.

    Parameters
    ----------
    data : numpy, dask or pint-quantified array, or DataArray, shape ([time,] y, x)
        Optical path difference or unwrapped phase; positive where the sample is denser than the
        medium. NaN marks unknown pixels.
    pixel_size_um : float
        Pixel pitch in the sample (µm).
    units : {"nm", "um", "rad"}
        Unit of `data`; its own unit (a quantity, or ``attrs["units"]``) wins.
    wavelength_nm : float, optional
        Vacuum wavelength (nm): ``OPD = phase * wavelength / 2 pi``. Needed for radians.
    time : sequence of dates, optional
        One a frame.
    medium_index : float
        Refractive index of the medium; kept as an attribute.
    absorption : array of the same shape, optional
        Dimensionless, ``-log`` of the amplitude.

    Returns
    -------
    Dataset
        ``opd`` (float32, nm), ``absorption`` where given; lazy where `data` is.

    Raises
    ------
    UnitError, DimensionError, SetupError, DataError
        Each names what is wrong and what to do.

    Examples
    --------
    >>> phase = np.full((8, 8), np.pi)
    >>> ds = from_opd(phase, units="rad", wavelength_nm=640, pixel_size_um=0.5)
    >>> float(ds.opd[0, 0]), ds.opd.attrs["units"]
    (320.0, 'nm')
    """
    array = _array(data, "data")
    unit = str(array.attrs.get("units", units)).strip().lower()
    wavelength = None if wavelength_nm is None else floats(wavelength_nm, "nm", "wavelength_nm")
    if wavelength is not None and len(wavelength) != 1:
        raise SetupError(f"wavelength_nm has {len(wavelength)} values; a phase image has one")
    if unit in _RADIANS:
        if wavelength is None:
            raise SetupError("data is a phase (rad); give wavelength_nm to turn it into a length")
        factor = wavelength[0] / (2 * np.pi)
    elif unit not in ("", "1", "dimensionless"):
        factor = length_factor(unit, "nm")
    else:
        raise UnitError(f"data has units {unit!r}; an OPD is in nm or um, a phase in rad")
    setup = Setup(
        wavelength_nm=wavelength or (500.0,),  # only checked, never kept, where it is not given
        pixel_size_um=one_float(pixel_size_um, "um", "pixel_size_um"),
        medium_index=one_float(medium_index, "dimensionless", "medium_index"),
    )
    with np.errstate(over="ignore"):
        opd = with_time((array * factor).astype(np.float32), time)
    if opd.chunks is None and np.isinf(opd.values).any():
        raise DataError("data holds infinite values, in nm at least; mark unknown pixels by NaN")
    opd.attrs = {"units": "nm", "long_name": LONG_NAMES["opd"]}
    variables = {"opd": opd}
    if absorption is not None:
        layer = with_time(_array(absorption, "absorption").astype(np.float32), time)
        if layer.sizes != opd.sizes:
            raise DimensionError(
                f"absorption has {dict(layer.sizes)}, data has {dict(opd.sizes)}; give the same"
            )
        layer.attrs = {"units": "1", "long_name": LONG_NAMES["absorption"]}
        variables["absorption"] = layer
    ds = xr.Dataset(variables).assign_coords(
        {dim: pixel_centres(opd, dim, setup.pixel_size_um) for dim in ("y", "x")}
    )
    ds.attrs = {"pixel_size_um": setup.pixel_size_um, "medium_index": setup.medium_index}
    if wavelength is not None:
        ds.attrs["wavelength_nm"] = wavelength[0]
    return ds.assign_attrs(provenance(ds, "from_opd", units=unit))


def _array(data: Any, name: str) -> xr.DataArray:
    """``[time,] y, x`` with its unit, if it has one of its own, in the attributes."""
    if isinstance(data, xr.DataArray):
        array = dequantified(data).reset_coords(drop=True)
        if not {"y", "x"} <= set(array.dims) or set(array.dims) - {"time", "y", "x"}:
            raise DimensionError(f"{name} has dims {data.dims}; expected [time,] y, x")
        array = array.transpose("time", "y", "x", missing_dims="ignore")
        array = array.drop_vars([c for c in array.coords if c not in ("time", "y", "x")])
    else:
        attrs = {}
        if is_quantity(data):
            attrs, data = {"units": f"{data.units:~}"}, data.magnitude
        values = plain(data)
        if values.ndim not in (2, 3) or 0 in values.shape:
            raise DimensionError(f"{name} has shape {values.shape}; expected ([time,] y, x)")
        array = xr.DataArray(values, dims=("time", "y", "x")[-values.ndim :], attrs=attrs)
    if np.dtype(array.dtype).kind not in "uif":
        raise DataError(
            f"{name} has dtype {array.dtype}; it must be real (of a complex field, give the "
            "unwrapped angle)"
        )
    return array
