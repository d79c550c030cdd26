import math

import numpy as np
import pytest
import xarray as xr

from lensfree_nb.contract import (
    distance_of,
    exposure_dim,
    frame_origin_um,
    hologram_of,
    opd_of,
    pixel_size_of,
    setup_of,
)
from lensfree_nb.errors import (
    DataError,
    DimensionError,
    DistanceError,
    LensfreeError,
    SetupError,
    UnitError,
)
from lensfree_nb.microscope import Setup
from lensfree_nb.provenance import provenance
from lensfree_nb.units import dequantified, floats, magnitude

pint = pytest.importorskip("pint")
UREG = pint.get_application_registry()


def dataset(**attrs):
    return xr.Dataset(
        {"hologram": (("y", "wavelength", "x"), np.ones((4, 2, 5), np.float32), {"units": "1"})},
        coords={"wavelength": ("wavelength", [0.64, 0.53], {"units": "um"})},
        attrs={"pixel_size_um": 1.67, **attrs},
    )


def test_dims_go_by_name_and_units_are_converted():
    ds = dataset(distance_um=(1000, 1100), source_distance_mm=50)
    assert hologram_of(ds).dims == ("wavelength", "y", "x")
    setup = setup_of(ds)
    assert setup.wavelength_nm == pytest.approx((640.0, 530.0))
    assert setup.source_distance_mm == 50
    assert distance_of(ds).values.tolist() == [1000.0, 1100.0]
    assert distance_of(dataset(distance_um=900.0)).values.tolist() == [900.0, 900.0]
    in_mm = ds.assign_coords(distance=((), 1.2, {"units": "mm"}))
    assert distance_of(in_mm).values.tolist() == [1200.0, 1200.0]


def test_quantities_are_understood():
    assert magnitude(UREG.Quantity(0.53, "um"), "nm", "wavelength") == pytest.approx(530.0)
    assert floats([UREG.Quantity(640, "nm"), UREG.Quantity(0.53, "um")], "nm", "w") == (
        640.0,
        530.0,
    )
    opd = xr.DataArray(UREG.Quantity(np.ones((2, 2)), "um"), dims=("y", "x"))
    plain = dequantified(opd)
    assert opd_of(xr.Dataset({"opd": plain})).values.tolist() == [[1000.0] * 2] * 2
    with pytest.raises(UnitError, match="wavelength"):
        magnitude(UREG.Quantity(1, "s"), "nm", "wavelength")
    with pytest.raises(UnitError, match="not a number"):
        floats("red", "nm", "wavelength_nm")


def test_pixel_size_from_the_coordinate():
    ds = xr.Dataset(coords={"x": ("x", [0.0, 2.0], {"units": "um"})})
    assert pixel_size_of(ds) == 2.0
    with pytest.raises(SetupError, match="pixel_size_um"):
        pixel_size_of(xr.Dataset())


def test_pitch_and_coordinates_agree(holograms):
    for changed in (holograms.isel(y=slice(None, None, 2)), holograms.coarsen(x=2).mean()):
        with pytest.raises(SetupError, match="after a stride or coarsen"):
            pixel_size_of(changed)
    with pytest.raises(SetupError, match="sortby"):
        pixel_size_of(holograms.isel(x=slice(None, None, -1)))
    assert frame_origin_um(holograms.isel(y=slice(10, 40))) == pytest.approx((16.7, 0.0))
    assert frame_origin_um(holograms.drop_vars(["y", "x"])) == (0.0, 0.0)


def test_provenance_grows_and_the_input_stays():
    ds = dataset()
    attrs = provenance(ds, "cells", threshold_nm=3)
    assert "provenance" not in ds.attrs
    assert '"threshold_nm": 3' in attrs["provenance"]


BAD_SETUPS = [
    ({"wavelength_nm": ()}, SetupError, "empty"),
    ({"wavelength_nm": (0.53,)}, SetupError, "Check the unit"),
    ({"pixel_size_um": 1670.0}, SetupError, "pixel_size_um"),
    ({"medium_index": 0.5}, SetupError, "medium_index"),
    ({"source_distance_mm": 0.0}, SetupError, "source_distance_mm"),
    ({"bandwidth_nm": math.nan}, SetupError, "bandwidth_nm"),
    ({"distance_um": (1.0, 2.0)}, SetupError, "one an exposure"),
    ({"distance_um": (-5.0,)}, DistanceError, "1 mm is 1000 um"),
]


@pytest.mark.parametrize(("change", "error", "words"), BAD_SETUPS)
def test_impossible_microscopes(change, error, words):
    with pytest.raises(error, match=words):
        Setup(**{"wavelength_nm": (530.0,), "pixel_size_um": 1.67, **change})


BAD_DATA = [
    (lambda ds: ds["hologram"], DimensionError, "expected an xarray.Dataset"),
    (lambda ds: ds.drop_vars("hologram"), DimensionError, "acquisition"),
    (lambda ds: ds.rename(wavelength="colour"), DimensionError, "'wavelength'"),
    (lambda ds: ds.rename(x="column"), DimensionError, "missing"),
    (lambda ds: ds.expand_dims("well"), DimensionError, "unexpected"),
    (lambda ds: ds.isel(x=slice(0, 0)), DimensionError, "empty"),
    (lambda ds: ds.astype(complex), DataError, "dtype"),
    (lambda ds: ds.assign(hologram=ds["hologram"].assign_attrs(units="volt")), UnitError, "counts"),
]


@pytest.mark.parametrize(("change", "error", "words"), BAD_DATA)
def test_bad_holograms(change, error, words):
    with pytest.raises(error, match=words) as caught:
        hologram_of(change(dataset()))
    assert isinstance(caught.value, LensfreeError | ValueError)


def test_more_that_is_missing():
    ds = dataset()
    with pytest.raises(SetupError, match="wavelength_nm when opening"):
        setup_of(ds.drop_vars("wavelength"))
    with pytest.raises(DistanceError, match="find_distance"):
        distance_of(ds)
    with pytest.raises(DistanceError, match="one an exposure"):
        distance_of(dataset(distance_um=(1.0, 2.0, 3.0)))
    with pytest.raises(DimensionError, match="exactly one"):
        exposure_dim(xr.DataArray(np.ones((2, 2)), dims=("y", "x")))
    with pytest.raises(UnitError, match="not a unit of length"):
        opd_of(xr.Dataset({"opd": (("y", "x"), np.ones((2, 2)), {"units": "kg"})}))
    with pytest.raises(DataError, match="real"):
        opd_of(xr.Dataset({"opd": (("y", "x"), np.ones((2, 2), complex), {"units": "nm"})}))
