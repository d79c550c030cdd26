import dask
import dask.array as da
import numpy as np
import pint
import pytest
import xarray as xr

from lensfree_nb import contract
from lensfree_nb.errors import LensfreeWarning, QualityWarning, SetupError
from lensfree_nb.io.acquisition import acquisition
from tests import seeds

RGB = (640.0, 530.0, 450.0)


def frames(*shape):
    return np.random.default_rng(seeds.PIXELS).integers(900, 1100, shape).astype(np.uint16)


@pytest.mark.parametrize(
    ("shape", "setup", "dims"),
    [
        ((32, 40), {"wavelength_nm": 530}, ("wavelength", "y", "x")),
        ((3, 32, 40), {"wavelength_nm": RGB}, ("wavelength", "y", "x")),
        ((3, 32, 40), {"wavelength_nm": 530}, ("time", "wavelength", "y", "x")),
        ((4, 3, 32, 40), {"wavelength_nm": RGB}, ("time", "wavelength", "y", "x")),
        (
            (3, 32, 40),
            {"wavelength_nm": 530, "dim": "plane", "distance_um": (900, 1000, 1100)},
            ("plane", "y", "x"),
        ),
    ],
)
def test_arrays_keep_the_contract(shape, setup, dims):
    data = frames(*shape)
    ds = acquisition(data, pixel_size_um=1.67, **setup)
    assert contract.hologram_of(ds).dims == dims
    np.testing.assert_array_equal(ds.hologram.values.ravel(), data.ravel())
    assert ds.hologram.attrs["units"] == "counts"
    exposures = ds.sizes[contract.exposure_dim(ds)]
    read = contract.setup_of(ds)
    assert read.exposures == exposures
    assert read.pixel_size_um == 1.67
    assert ds.x[2] - ds.x[1] == pytest.approx(1.67)
    if "distance_um" in setup:
        assert contract.distance_of(ds).values.tolist() == [900, 1000, 1100]


def test_lazy_arrays_stay_lazy_and_agree():
    data = frames(6, 3, 32, 40)
    setup = {"wavelength_nm": RGB, "pixel_size_um": 1.67, "background": "frame", "dead": "auto"}

    def fail(*args, **kwargs):
        raise AssertionError("computed while the graph was built")

    with dask.config.set(scheduler=fail):
        lazy = acquisition(da.from_array(data, chunks=(1, 3, 32, 40)), **setup)
    eager = acquisition(data, **setup)
    xr.testing.assert_identical(lazy.compute(scheduler="synchronous"), eager)
    assert eager.hologram.attrs["units"] == "1"
    assert float(eager.hologram.median()) == pytest.approx(1, abs=0.01)


def test_quantities_everywhere():
    unit = pint.UnitRegistry()
    ds = acquisition(
        frames(3, 32, 40) * unit.count,
        wavelength_nm=[0.64, 0.53, 0.45] * unit.um,
        pixel_size_um=1670 * unit.nm,
        distance_um=1.0 * unit.mm,
        source_distance_mm=5 * unit.cm,
    )
    assert ds.wavelength.values == pytest.approx(RGB)
    assert ds.attrs["pixel_size_um"] == pytest.approx(1.67)
    assert contract.distance_of(ds).values == pytest.approx([1000] * 3)
    assert ds.attrs["source_distance_mm"] == pytest.approx(50)
    assert not hasattr(ds.hologram.data, "magnitude")


def test_dataarray_by_names_with_its_own_coordinates():
    array = xr.DataArray(
        frames(40, 2, 32, 3),
        dims=("x", "time", "y", "wavelength"),
        coords={
            "wavelength": ("wavelength", [0.64, 0.53, 0.45], {"units": "um"}),
            "time": np.array(["2024-05-01", "2024-05-02"], "datetime64[ns]"),
        },
        attrs={"camera": "A"},
    )
    ds = acquisition(array, pixel_size_um=1.67)
    assert ds.hologram.dims == ("time", "wavelength", "y", "x")
    assert ds.wavelength.values == pytest.approx(RGB)
    assert ds.hologram.attrs["camera"] == "A"
    assert ds.time.dtype == "datetime64[ns]"
    np.testing.assert_array_equal(ds.hologram[1, 2], array[:, 1, :, 2].T)


@pytest.mark.parametrize(("level", "units"), [(1.0, "1"), (800.0, "counts"), (0.01, "counts")])
def test_floats_are_normalised_only_if_they_look_it(level, units):
    data = level * np.random.default_rng(seeds.PIXELS).normal(1, 0.1, (32, 40)).clip(0.1)
    ds = acquisition(data, wavelength_nm=530, pixel_size_um=1.67)
    assert ds.hologram.attrs["units"] == units


def test_times():
    ds = acquisition(
        frames(2, 32, 40),
        wavelength_nm=530,
        pixel_size_um=1.67,
        time=["2024-05-01 10:00", "2024-05-02"],
    )
    assert ds.time.values[0] == np.datetime64("2024-05-01T10:00")
    one = acquisition(frames(32, 40), wavelength_nm=530, pixel_size_um=1.67, time="2024-05-01")
    assert one.sizes["time"] == 1


def test_a_crop_keeps_its_place():
    ds = acquisition(frames(1, 32, 40), wavelength_nm=530, pixel_size_um=1.67)
    crop = ds["hologram"].isel(y=slice(8, 24))
    again = acquisition(crop, wavelength_nm=530, pixel_size_um=1.67)
    np.testing.assert_array_equal(again["y"], crop["y"])


def test_counts_are_unknown_where_told():
    image = np.full((24, 32), 100, np.uint16)
    image[3, 4], dead = 900, np.zeros((24, 32), bool)
    dead[5, 6] = True
    setup = {"wavelength_nm": 530, "pixel_size_um": 1.67}
    hologram = acquisition(image, saturation=900, dead=dead, **setup)["hologram"]
    assert hologram.attrs["units"] == "counts"
    assert np.argwhere(np.isnan(hologram.values[0])).tolist() == [[3, 4], [5, 6]]
    assert acquisition(image, **setup)["hologram"].dtype == np.uint16


def test_zones_become_utc():
    stated = ["2024-05-01T12:00+02:00", "2024-05-01T12:00+01:00"]
    ds = acquisition(frames(2, 32, 40), wavelength_nm=530, pixel_size_um=1.67, time=stated)
    assert ds.time.values[0] == np.datetime64("2024-05-01T10:00")
    with pytest.warns(QualityWarning, match="do not rise"):
        acquisition(frames(2, 32, 40), wavelength_nm=530, pixel_size_um=1.67, time=stated[::-1])


def test_labelled_colours_keep_their_labels():
    levels = np.array([1.0, 2.0, 3.0])[:, None, None] * np.ones((3, 8, 8))
    labels = {"wavelength": ("wavelength", [450, 530, 640], {"units": "nm"})}
    data = xr.DataArray(levels, dims=("wavelength", "y", "x"), coords=labels)
    ds = acquisition(data, wavelength_nm=(640, 530, 450), pixel_size_um=1.67)
    assert ds.hologram.mean(("y", "x")).values.tolist() == [3.0, 2.0, 1.0]
    with pytest.warns(LensfreeWarning, match="labelled"):
        acquisition(data, wavelength_nm=(650, 540, 460), pixel_size_um=1.67)
    rng = np.random.default_rng(seeds.LIGHT)
    light = xr.DataArray(rng.uniform(90, 110, (3, 8, 8)), dims=data.dims, coords=labels)
    divided = acquisition(
        light.values[::-1], background=light, wavelength_nm=(640, 530, 450), pixel_size_um=1.67
    )
    assert float(divided.hologram.std()) < 1e-6


def test_masks_and_pixel_numbers():
    setup = {"wavelength_nm": 530, "pixel_size_um": 1.67}
    masked = np.ma.masked_greater(np.arange(64.0).reshape(8, 8), 60)
    assert int(acquisition(masked, **setup).hologram.isnull().sum()) == 3
    counted = xr.DataArray(np.ones((8, 8)), dims=("y", "x"), coords={"x": np.arange(8)})
    with pytest.raises(SetupError, match="pixel_size_um is missing"):
        acquisition(counted, wavelength_nm=530)
