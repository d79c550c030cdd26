import os
import time

import dask
import numpy as np
import pytest
import tifffile
import xarray as xr

from lensfree_nb import contract
from lensfree_nb.errors import LensfreeWarning, OpeningError, QualityWarning, SetupError
from lensfree_nb.io.export import write_dataset, write_tiff
from lensfree_nb.io.opening import open_acquisition
from tests import seeds

RGB = (640.0, 530.0, 450.0)
SETUP = {"wavelength_nm": RGB, "pixel_size_um": 1.67}


def stack(*shape, dtype=np.uint16):
    """Random counts, each plane of its own brightness."""
    rng = np.random.default_rng(seeds.PIXELS)
    image = rng.normal(1000, 5, shape)
    planes = np.arange(np.prod(shape[:-2])).reshape(*shape[:-2], 1, 1)
    return (image + 100 * planes).astype(dtype)


def raw(paths, **options):
    return open_acquisition(paths, **{"background": None, "dead": None, **SETUP, **options})


@pytest.mark.parametrize(
    ("layout", "options"),
    [
        ("pages of each frame", {}),
        ("all frames in one file", {}),
        ("rgb samples", {"photometric": "rgb"}),
        ("rgb planes", {"photometric": "rgb", "planarconfig": "separate"}),
        ("imagej", {"imagej": True, "metadata": {"axes": "TCYX"}}),
        ("ome", {"ome": True, "metadata": {"axes": "TCYX"}}),
        ("ome, colours first", {"ome": True, "metadata": {"axes": "CTYX"}}),
        ("one file a colour", {}),
    ],
)
def test_layouts_of_tiff_hold_the_same(tmp_path, layout, options):
    data = stack(2, 3, 24, 32)
    if layout == "pages of each frame":
        for n, frame in enumerate(data):
            tifffile.imwrite(tmp_path / f"f{n}.tif", frame, photometric="minisblack")
    elif layout == "all frames in one file":
        pages = data.reshape(-1, 24, 32)
        tifffile.imwrite(tmp_path / "all.tif", pages, photometric="minisblack", metadata=None)
    elif layout == "rgb samples":
        for n, frame in enumerate(data):
            tifffile.imwrite(tmp_path / f"f{n}.tif", np.moveaxis(frame, 0, -1), **options)
    elif layout == "rgb planes":
        for n, frame in enumerate(data):
            tifffile.imwrite(tmp_path / f"f{n}.tif", frame, **options)
    elif layout == "one file a colour":
        for n, frame in enumerate(data):
            for colour, image in zip(("red", "green", "blue"), frame, strict=True):
                tifffile.imwrite(tmp_path / f"f{n}_{colour}.tif", image)
    else:
        turned = data.swapaxes(0, 1) if "first" in layout else data
        tifffile.imwrite(tmp_path / "all.tif", turned, photometric="minisblack", **options)
    ds = raw(tmp_path)
    assert ds.hologram.dims == ("time", "wavelength", "y", "x")
    assert ds.hologram.chunks == ((1, 1), (3,), (24,), (32,))
    np.testing.assert_array_equal(ds.hologram.values, data)
    assert contract.setup_of(ds).wavelength_nm == RGB
    assert ds.hologram.dtype == np.float32


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


def test_wavelengths_from_names_and_the_order_given(tmp_path):
    for colour, level in (("450nm", 450), ("640nm", 640), ("530nm", 530)):
        tifffile.imwrite(tmp_path / f"f1_{colour}.tif", np.full((24, 32), level, np.uint16))
    ds = raw(tmp_path, wavelength_nm=None)
    assert ds.wavelength.values.tolist() == [640, 530, 450]
    np.testing.assert_array_equal(ds.hologram[0, :, 0, 0], [640, 530, 450])
    ds = raw(tmp_path, wavelength_nm=(450, 530, 640))
    np.testing.assert_array_equal(ds.hologram[0, :, 0, 0], ds.wavelength)


def test_heights(tmp_path):
    for z in (1, 2, 10):
        tifffile.imwrite(tmp_path / f"s_z{z}.tif", np.full((24, 32), z, np.uint16))
    options = {"dim": "plane", "wavelength_nm": 530, "distance_um": (900, 1000, 1100)}
    ds = raw(tmp_path, **options)
    assert ds.hologram.dims == ("time", "plane", "y", "x")
    np.testing.assert_array_equal(ds.hologram[0, :, 0, 0], [1, 2, 10])
    assert contract.distance_of(ds).values.tolist() == [900, 1000, 1100]


def test_damaged_missing_and_odd_files_become_unknown_pixels(tmp_path):
    for n in range(6):
        for colour in ("red", "green", "blue"):
            tifffile.imwrite(tmp_path / f"f{n}_{colour}.tif", stack(24, 32))
    (tmp_path / "f1_green.tif").unlink()
    cut = tmp_path / "f2_red.tif"
    cut.write_bytes(cut.read_bytes()[:700])
    (tmp_path / "f3_blue.tif").write_text("no image")
    tifffile.imwrite(tmp_path / "f4_red.tif", stack(10, 12))
    ds = open_acquisition(tmp_path, **SETUP)
    with pytest.warns(QualityWarning) as caught:
        loaded = ds.compute(scheduler="synchronous")
    expected = np.zeros((6, 3), bool)
    expected[[1, 2, 3, 4], [1, 0, 2, 0]] = True
    np.testing.assert_array_equal(loaded.quality_missing, expected)
    np.testing.assert_array_equal(loaded.hologram.isnull().all(("y", "x")), expected)
    told = " ".join(str(w.message) for w in caught)
    assert all(name in told for name in ("f2_red", "f3_blue", "f4_red.tif", "(10, 12)"))


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


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr(tmp_path, version):
    import zarr

    data = stack(2, 3, 24, 32)
    path = str(tmp_path / "ome.zarr")
    zarr_format = 2 if version == "0.4" else 3
    group = zarr.open_group(path, mode="w", zarr_format=zarr_format)
    group.create_array("0", data=data)
    scale = {"type": "scale", "scale": [10.0, 1.0, 1.67, 1.67]}
    metadata = {
        "multiscales": [
            {
                "axes": [
                    {"name": "t", "type": "time", "unit": "minute"},
                    {"name": "c", "type": "channel"},
                    {"name": "y", "type": "space", "unit": "micrometer"},
                    {"name": "x", "type": "space", "unit": "micrometer"},
                ],
                "datasets": [{"path": "0", "coordinateTransformations": [scale]}],
            }
        ],
        "omero": {"channels": [{"emission_wavelength": w} for w in RGB]},
    }
    group.attrs.update(metadata if version == "0.4" else {"ome": {"version": version, **metadata}})
    ds = open_acquisition(path, background=None)
    assert contract.setup_of(ds) == contract.Setup(RGB, 1.67)
    assert np.diff(ds.time.values)[0] == np.timedelta64(10, "m")
    assert ds.hologram.chunks == ((1, 1), (3,), (24,), (32,))
    np.testing.assert_array_equal(ds.hologram.values, data)
    with pytest.raises(OpeningError, match="3 positions along 'c'"):
        open_acquisition(path, dim="plane", wavelength_nm=530)


def test_bare_zarr_array_and_foreign_groups(tmp_path):
    import zarr

    array = zarr.create_array(str(tmp_path / "a.zarr"), shape=(3, 24, 32), dtype="uint16")
    array[:] = stack(3, 24, 32)
    ds = raw(tmp_path / "a.zarr")
    np.testing.assert_array_equal(ds.hologram[0].values, stack(3, 24, 32))
    xr.Dataset({"opd": ("x", [1.0])}).to_zarr(tmp_path / "b.zarr", consolidated=False)
    with pytest.raises(OpeningError, match="no hologram"):
        raw(tmp_path / "b.zarr")


def test_netcdf_of_holopy(tmp_path):
    image = xr.DataArray(
        stack(1, 20, 30).astype(float),
        dims=("z", "x", "y"),
        coords={"z": [0.0], "x": 0.1 * np.arange(20), "y": 0.1 * np.arange(30)},
        attrs={"illum_wavelen": 0.66, "medium_index": 1.33},
    )
    image.to_netcdf(tmp_path / "h.nc", engine="scipy")
    ds = open_acquisition(tmp_path / "h.nc", background=None)
    assert contract.setup_of(ds).wavelength_nm == (660.0,)
    (tmp_path / "bad.nc").write_text("no")
    with pytest.raises(OpeningError, match="NetCDF"):
        open_acquisition(tmp_path / "bad.nc")


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
    assert contract.setup_of(back) == contract.Setup(RGB, 1.67)
    assert np.diff(back.time.values)[0] == np.timedelta64(10, "m")


def test_thousands_of_files_open_in_seconds(tmp_path):
    first = tmp_path / "f_0.tif"
    tifffile.imwrite(first, stack(24, 32))
    content = first.read_bytes()
    for n in range(1, 3000):
        (tmp_path / f"f_{n}.tif").write_bytes(content)
    start = time.perf_counter()
    ds = open_acquisition(tmp_path, wavelength_nm=530, pixel_size_um=1.67)
    elapsed = time.perf_counter() - start
    assert ds.sizes["time"] == 3000
    assert elapsed < 10, f"{elapsed:.1f} s"
    one = ds.hologram.isel(time=2999)
    assert len(one.__dask_optimize__(one.__dask_graph__(), one.__dask_keys__())) < 100
