"""Plain numbers from quantities: the one place where a unit is converted.

The public interface takes plain numbers whose name carries the unit (``wavelength_nm``).
Anything with a unit of its own (a pint ``Quantity``, an xarray object whose data is one, or
whose ``units`` attribute says so) is understood as well and converted here. pint itself is
optional and never imported by this module.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr

from lensfree_nb.errors import SetupError, UnitError

_METRES: dict[str, float] = {
    "m": 1.0, "meter": 1.0, "metre": 1.0,
    "cm": 1e-2, "centimeter": 1e-2, "centimetre": 1e-2,
    "mm": 1e-3, "millimeter": 1e-3, "millimetre": 1e-3,
    "um": 1e-6, "µm": 1e-6, "μm": 1e-6, "micron": 1e-6, "microns": 1e-6,
    "micrometer": 1e-6, "micrometre": 1e-6,
    "nm": 1e-9, "nanometer": 1e-9, "nanometre": 1e-9,
    "å": 1e-10, "angstrom": 1e-10,
    "pm": 1e-12, "picometer": 1e-12, "picometre": 1e-12,
}  # fmt: skip
_DIMENSIONLESS = frozenset({"", "1", "dimensionless", "none", "a.u.", "au"})


def length_factor(unit: str, target: str) -> float:
    """Factor that turns a length in `unit` into one in `target`.

    >>> length_factor("mm", "um")
    1000.0
    """
    try:
        return float(f"{_METRES[unit.strip().lower()] / _METRES[target]:.12g}")
    except KeyError:
        raise UnitError(
            f"{unit!r} is not a unit of length known here; use one of nm, um, mm, m"
        ) from None


def is_dimensionless(unit: object) -> bool:
    """Whether a ``units`` attribute says that there is no unit."""
    return unit is None or str(unit).strip().lower() in _DIMENSIONLESS


def is_quantity(value: object) -> bool:
    """Whether `value` carries its own unit (pint's protocol, found by its methods)."""
    return hasattr(value, "magnitude") and hasattr(value, "units") and hasattr(value, "to")


def magnitude(value: Any, unit: str, name: str) -> Any:
    """Plain number(s) in `unit`; what has no unit of its own is taken as given in `unit`.

    Parameters
    ----------
    value : number, sequence, quantity or DataArray
        A quantity is converted; a DataArray is read through its ``units`` attribute.
    unit : str
        The unit wanted, as pint spells it (``"nm"``, ``"um"``, ``"mm"``).
    name : str
        What the value is, for the error message.

    Raises
    ------
    UnitError
        If the value's own unit cannot be converted.

    Examples
    --------
    >>> magnitude(640, "nm", "wavelength_nm")
    640
    >>> magnitude(xr.DataArray(0.64, attrs={"units": "um"}), "nm", "wavelength_nm").item()
    640.0
    """
    if is_quantity(value):
        try:
            return value.to(unit).magnitude
        except Exception as error:
            raise UnitError(
                f"{name}: {value.units} cannot be converted to {unit}; give a length"
            ) from error
    if isinstance(value, xr.DataArray):
        if is_quantity(value.data):
            return magnitude(value.data, unit, name)
        given = value.attrs.get("units")
        return value.data if given is None else value.data * length_factor(str(given), unit)
    if isinstance(value, (list, tuple)) and any(is_quantity(item) for item in value):
        return type(value)(magnitude(item, unit, name) for item in value)
    return value


def floats(value: Any, unit: str, name: str) -> tuple[float, ...]:
    """One or many numbers in `unit` as a tuple of floats.

    >>> floats((640, 530.0), "nm", "wavelength_nm")
    (640.0, 530.0)
    """
    plain = magnitude(value, unit, name)
    items = plain if isinstance(plain, Iterable) and np.ndim(np.asarray(plain)) else [plain]
    try:
        return tuple(float(item) for item in items)
    except (TypeError, ValueError) as error:
        raise UnitError(f"{name}: {value!r} is not a number or a sequence of numbers") from error


def one_float(value: Any, unit: str, name: str) -> float:
    """One number in `unit` (empty: none) as a float.

    Raises
    ------
    SetupError
        If there are several.

    Examples
    --------
    >>> one_float(1.67, "um", "pixel_size_um")
    1.67
    """
    values = floats(value, unit or "dimensionless", name)
    if len(values) != 1:
        raise SetupError(f"{name} has {len(values)} values; give one")
    return values[0]


def dequantified(obj: xr.DataArray) -> xr.DataArray:
    """`obj` with a pint-backed array replaced by its magnitude, the unit kept in ``attrs``.

    Coordinates backed by quantities are treated alike.
    """
    if is_quantity(obj.data):
        unit = f"{obj.data.units:~}" if hasattr(obj.data.units, "__format__") else ""
        obj = obj.copy(data=obj.data.magnitude).assign_attrs(units=unit or "1")
    for name, coord in obj.coords.items():
        if is_quantity(coord.data):
            plain = coord.copy(data=coord.data.magnitude)
            obj = obj.assign_coords({name: plain.assign_attrs(units=f"{coord.data.units:~}")})
    return obj
