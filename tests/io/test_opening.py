import os

import dask
import numpy as np
import pytest
import tifffile
import xarray as xr

from lensfree_nb import contract
from lensfree_nb.errors import LensfreeWarning, SetupError
from lensfree_nb.io.export import write_dataset, write_tiff
from lensfree_nb.io.opening import open_acquisition
from lensfree_nb.microscope import Setup
from tests import seeds
from tests.io.scenes import RGB, raw, stack


def test_nothing_is_read_or_computed_early(write_frames, tmp_path):
    write_frames([f"f_{n}.tif" for n in (10, 2, 1, 3, 4)])

    def fail(*args, **kwargs):
        raise AssertionError("computed while the graph was built")

    with dask.config.set(scheduler=fail):
        ds = open_acquisition(tmp_path / "f_*.tif", wavelength_nm=530, pixel_size_um=1.67)
    ds = ds.compute(scheduler="synchronous")
    assert ds.hologram.attrs["units"] == "1"
    assert float(ds.hologram.median()) == pytest.approx(1, abs=0.01)
    # Natural order: f_1 was written third, f_2 second, f_10 first.
    expected = np.array([1200, 1100, 1300, 1400, 1000]) / 1200
    assert ds.quality_drift[:, 0].values == pytest.approx(expected, rel=0.01)


def test_times_from_names_metadata_and_dates(tmp_path):
    image = stack(24, 32)
    named = tmp_path / "20240501_123000.tif"
    tifffile.imwrite(named, image)
    assert raw([named], wavelength_nm=530).time.values[0] == np.datetime64("2024-05-01T12:30")
    tagged = tmp_path / "tagged.tif"
    tifffile.imwrite(tagged, image, datetime="2024:05:02 08:00:00")
    assert raw([tagged], wavelength_nm=530).time.values[0] == np.datetime64("2024-05-02T08:00")
    dated = tmp_path / "dated.tif"
    tifffile.imwrite(dated, image)
    os.utime(dated, (1_700_000_000, 1_700_000_000))
    assert raw([dated], wavelength_nm=530).time.values[0] == np.datetime64(1_700_000_000, "s")
    pattern = tmp_path / "at-0105-1230-2024.tif"
    tifffile.imwrite(pattern, image)
    ds = raw([pattern], wavelength_nm=530, time_pattern="%d%m-%H%M-%Y")
    assert ds.time.values[0] == np.datetime64("2024-05-01T12:30")
    ds = raw([dated], wavelength_nm=530, time=["2020-01-01"])
    assert ds.time.values[0] == np.datetime64("2020-01-01")


def test_ome_metadata_are_read(tmp_path):
    metadata = {
        "axes": "TCYX",
        "PhysicalSizeX": 1670.0,
        "PhysicalSizeXUnit": "nm",
        "TimeIncrement": 10.0,
        "TimeIncrementUnit": "min",
        "Channel": {"EmissionWavelength": list(RGB), "EmissionWavelengthUnit": ["nm"] * 3},
    }
    path = tmp_path / "a_2024-05-01T00-00-00.ome.tif"
    tifffile.imwrite(path, stack(2, 3, 24, 32), photometric="minisblack", metadata=metadata)
    ds = open_acquisition(path, background=None)
    setup = contract.setup_of(ds)
    assert setup.wavelength_nm == RGB
    assert setup.pixel_size_um == pytest.approx(1.67)
    assert np.diff(ds.time.values)[0] == np.timedelta64(10, "m")
    assert ds.time.values[0] == np.datetime64("2024-05-01")
    with pytest.warns(
        LensfreeWarning, match=r"pixel_size_um is given as 2\.0, the file says 1\.67"
    ):
        ds = open_acquisition(path, background=None, pixel_size_um=2.0)
    assert ds.attrs["pixel_size_um"] == 2.0


def test_imagej_metadata_are_read(tmp_path):
    path = tmp_path / "stack_20240501_000000.tif"
    tifffile.imwrite(
        path, stack(3, 24, 32), imagej=True, resolution=(1 / 1.67, 1 / 1.67),
        metadata={"axes": "TYX", "unit": "um", "finterval": 600.0},
    )  # fmt: skip
    ds = open_acquisition(path, wavelength_nm=530, background=None)
    assert ds.attrs["pixel_size_um"] == pytest.approx(1.67, rel=1e-4)
    assert ds.time.values[2] == np.datetime64("2024-05-01T00:20")


def test_heights(tmp_path):
    for z in (1, 2, 10):
        tifffile.imwrite(tmp_path / f"s_z{z}.tif", np.full((24, 32), z, np.uint16))
    options = {"dim": "plane", "wavelength_nm": 530, "distance_um": (900, 1000, 1100)}
    ds = raw(tmp_path, **options)
    assert ds.hologram.dims == ("time", "plane", "y", "x")
    np.testing.assert_array_equal(ds.hologram[0, :, 0, 0], [1, 2, 10])
    assert contract.distance_of(ds).values.tolist() == [900, 1000, 1100]


def test_background_file(tmp_path, write_frames):
    light = np.linspace(500, 1500, 24 * 32).reshape(24, 32)
    sample = 1 + 0.1 * np.random.default_rng(seeds.PIXELS).standard_normal((24, 32))
    (tmp_path / "day").mkdir()
    tifffile.imwrite(tmp_path / "day" / "f1.tif", (light * sample).astype(np.float32))
    tifffile.imwrite(tmp_path / "empty.tif", light.astype(np.float32))
    ds = raw(tmp_path / "day", wavelength_nm=530, background=tmp_path / "empty.tif")
    np.testing.assert_allclose(ds.hologram[0, 0], sample / np.median(sample), rtol=0.02)


def test_stores_come_back_as_they_went(tmp_path, write_frames):
    write_frames([f"f_{n}.tif" for n in range(5)])
    options = {"wavelength_nm": 530, "pixel_size_um": 1.67, "distance_um": 1000}
    for background in (None, "frame"):
        ds = open_acquisition(tmp_path / "f_*.tif", background=background, dead=None, **options)
        write_dataset(ds, tmp_path / "a.zarr", overwrite=True)
        back = open_acquisition(tmp_path / "a.zarr", background=background, dead=None)
        assert back.hologram.chunks is not None
        xr.testing.assert_equal(back.load(), ds.load())
        assert contract.setup_of(back) == contract.setup_of(ds)
    changed = open_acquisition(tmp_path / "a.zarr", distance_um=1200, medium_index=1.33)
    assert contract.distance_of(changed).values.tolist() == [1200]
    assert changed.attrs["medium_index"] == 1.33
    with pytest.warns(LensfreeWarning, match="pixel_size_um"):
        changed = open_acquisition(tmp_path / "a.zarr", pixel_size_um=2)
    assert changed.x[1] == 2
    with pytest.raises(SetupError, match="3 values of wavelength"), pytest.warns(LensfreeWarning):
        open_acquisition(tmp_path / "a.zarr", wavelength_nm=RGB)


def test_a_written_tiff_opens_again(tmp_path):
    image = xr.DataArray(
        stack(2, 3, 24, 32),
        dims=("time", "wavelength", "y", "x"),
        coords={
            "time": np.array(["2024-05-01T00:00", "2024-05-01T00:10"], "datetime64[ns]"),
            "wavelength": list(RGB),
            "x": 1.67 * np.arange(32),
        },
    )
    path = write_tiff(image, tmp_path / "h.tif")
    back = open_acquisition(path, background=None)
    np.testing.assert_array_equal(back.hologram.values, image.values)
    assert contract.setup_of(back) == Setup(RGB, 1.67)
    assert np.diff(back.time.values)[0] == np.timedelta64(10, "m")
