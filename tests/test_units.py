import numpy as np
import pytest
import xarray as xr

from lensfree_nb.errors import UnitError
from lensfree_nb.units import dequantified, floats, is_dimensionless, length_factor, magnitude

LENGTHS = ("m", "cm", "mm", "um", "nm", "pm", "angstrom")


@pytest.mark.parametrize("unit", LENGTHS)
@pytest.mark.parametrize("target", ["mm", "um", "nm"])
def test_factors_are_those_of_pint(unit, target):
    pint = pytest.importorskip("pint")
    expected = pint.UnitRegistry().Quantity(1, unit).to(target).magnitude
    assert length_factor(unit, target) == pytest.approx(expected, rel=1e-12)


def test_both_signs_for_micro_and_any_case():
    # U+00B5 is on keyboards, U+03BC is what pint and Unicode normalisation give.
    assert {length_factor(u, "nm") for u in ("\u00b5m", "\u03bcm", " Micron ", "um")} == {1000.0}


def test_what_has_a_unit_is_converted_and_what_has_none_is_taken_as_given():
    quantity = pytest.importorskip("pint").UnitRegistry().Quantity
    assert magnitude(quantity(0.64, "um"), "nm", "w") == pytest.approx(640)
    assert floats([quantity(0.64, "um"), quantity(530, "nm")], "nm", "w") == pytest.approx(
        (640, 530)
    )
    backed = xr.DataArray(quantity(np.array([0.5, 0.6]), "um"), dims="wavelength")
    np.testing.assert_allclose(magnitude(backed, "nm", "w"), [500, 600])
    assert floats(xr.DataArray([1.0, 2.0], attrs={"units": "mm"}), "um", "z") == (1000.0, 2000.0)
    assert floats(np.float32(2.5), "um", "z") == (2.5,)
    assert floats(xr.DataArray(3.0), "um", "z") == (3.0,)


def test_no_length_is_an_error_that_names_the_variable():
    quantity = pytest.importorskip("pint").UnitRegistry().Quantity
    with pytest.raises(UnitError, match=r"wavelength_nm: second .* give a length"):
        magnitude(quantity(1, "s"), "nm", "wavelength_nm")
    with pytest.raises(UnitError, match=r"'furlong' .* use one of nm"):
        length_factor("furlong", "um")
    with pytest.raises(UnitError, match=r"pixel_size_um: .wide. is not a number"):
        floats("wide", "um", "pixel_size_um")


def test_quantities_leave_their_unit_in_the_attributes():
    quantity = pytest.importorskip("pint").UnitRegistry().Quantity
    x = xr.DataArray(quantity(np.arange(3.0), "mm"), dims="x", name="position")
    array = xr.DataArray(
        quantity(np.ones(3), "um"), dims="x", coords={"position": x}, attrs={"operator": "me"}
    )
    plain = dequantified(array)
    assert (type(plain.data), plain.attrs) == (np.ndarray, {"operator": "me", "units": "µm"})
    assert plain["position"].attrs["units"] == "mm"
    np.testing.assert_array_equal(plain["position"].values, np.arange(3.0))
    assert not array.attrs.get("units"), "the input is not changed"
    ratio = dequantified(xr.DataArray(quantity(np.ones(2), "dimensionless"), dims="x"))
    assert is_dimensionless(ratio.attrs["units"])


@pytest.mark.parametrize(("unit", "expected"), [(None, True), (" A.U. ", True), ("nm", False)])
def test_dimensionless(unit, expected):
    assert is_dimensionless(unit) is expected
