import numpy as np
import pytest
import xarray as xr

from lensfree_nb.errors import DataError, DimensionError, UnitError
from lensfree_nb.io.arrays import check_values, named, pixel_centres, with_time, with_units


@pytest.mark.parametrize(
    ("shape", "wavelengths", "dims"),
    [
        ((5, 6), 1, ("wavelength", "y", "x")),
        ((3, 5, 6), 3, ("wavelength", "y", "x")),
        ((3, 5, 6), 1, ("time", "wavelength", "y", "x")),
        ((2, 3, 5, 6), 3, ("time", "wavelength", "y", "x")),
    ],
)
def test_dims_of_plain_arrays(shape, wavelengths, dims):
    data = np.arange(np.prod(shape)).reshape(shape)
    found = named(data, "wavelength", wavelengths, 0)
    assert found.dims == dims
    np.testing.assert_array_equal(found.values.ravel(), data.ravel())


def test_dims_that_cannot_be_told():
    with pytest.raises(DimensionError, match="colours come last"):
        named(np.zeros((5, 6, 3)), "wavelength", 3, 0)
    with pytest.raises(DimensionError, match="rename"):
        named(xr.DataArray(np.zeros((5, 6)), dims=("row", "column")), "wavelength", 1, 0)


@pytest.mark.parametrize(
    ("data", "divides", "units"),
    [
        (np.full((4, 4), 200, np.uint8), False, "counts"),
        (np.full((4, 4), 1.1), False, "1"),
        (np.full((4, 4), 1.1), True, "counts"),
        (np.full((4, 4), 900.0), False, "counts"),
    ],
)
def test_units_by_what_the_numbers_are(data, divides, units):
    assert with_units(xr.DataArray(data), divides).attrs["units"] == units


def test_what_is_no_intensity():
    with pytest.raises(DataError, match="complex"):
        with_units(xr.DataArray(np.ones((4, 4), complex)), False)
    with pytest.raises(UnitError, match="'m'"):
        with_units(xr.DataArray(np.ones((4, 4)), attrs={"units": "m"}), False)
    with pytest.raises(DataError):
        check_values(xr.DataArray(-np.ones((4, 4)), name="hologram"))


def test_times_and_places():
    frames = xr.DataArray(np.zeros((2, 1, 4, 4)), dims=("time", "wavelength", "y", "x"))
    timed = with_time(frames, ["2024-05-01T12:00", "2024-05-01T12:10"])
    assert np.diff(timed["time"].values)[0] == np.timedelta64(10, "m")
    centres = pixel_centres(frames[..., :3], "x", 1.67)
    np.testing.assert_allclose(centres.values, [0.0, 1.67, 3.34])
    assert centres.attrs["units"] == "um"
