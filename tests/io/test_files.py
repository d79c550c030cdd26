import os
import time

import numpy as np
import pytest
import tifffile

from lensfree_nb import contract
from lensfree_nb.errors import OpeningError, QualityWarning
from lensfree_nb.io.opening import open_acquisition
from tests.io.scenes import RGB, SETUP, date_in_order, raw, stack


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


def test_wavelengths_from_names_and_the_order_given(tmp_path):
    for colour, level in (("450nm", 450), ("640nm", 640), ("530nm", 530)):
        tifffile.imwrite(tmp_path / f"f1_{colour}.tif", np.full((24, 32), level, np.uint16))
    ds = raw(tmp_path, wavelength_nm=None)
    assert ds.wavelength.values.tolist() == [640, 530, 450]
    np.testing.assert_array_equal(ds.hologram[0, :, 0, 0], [640, 530, 450])
    ds = raw(tmp_path, wavelength_nm=(450, 530, 640))
    np.testing.assert_array_equal(ds.hologram[0, :, 0, 0], ds.wavelength)


def test_damaged_missing_and_odd_files_become_unknown_pixels(tmp_path):
    for n in range(6):
        for colour in ("red", "green", "blue"):
            tifffile.imwrite(tmp_path / f"f{n}_{colour}.tif", stack(24, 32))
    (tmp_path / "f1_green.tif").unlink()
    cut = tmp_path / "f2_red.tif"
    cut.write_bytes(cut.read_bytes()[:700])
    (tmp_path / "f3_blue.tif").write_text("no image")
    tifffile.imwrite(tmp_path / "f4_red.tif", stack(10, 12))
    tifffile.imwrite(tmp_path / "f5_green.tif", stack(24, 32, dtype=np.uint8))
    date_in_order(tmp_path.iterdir())
    ds = open_acquisition(tmp_path, **SETUP)
    with pytest.warns(QualityWarning) as caught:
        loaded = ds.compute(scheduler="synchronous")
    expected = np.zeros((6, 3), bool)
    expected[[1, 2, 3, 4, 5], [1, 0, 2, 0, 1]] = True
    np.testing.assert_array_equal(loaded.quality_missing, expected)
    np.testing.assert_array_equal(loaded.hologram.isnull().all(("y", "x")), expected)
    told = " ".join(str(w.message) for w in caught)
    assert all(name in told for name in ("f2_red", "f3_blue", "f4_red.tif", "(10, 12)", "uint8"))


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


def test_an_unreadable_first_file_costs_itself_only(tmp_path, write_frames):
    paths = write_frames([f"f_{n}.tif" for n in range(4)])
    paths[0].write_bytes(b"")
    date_in_order(paths)
    ds = raw(tmp_path, wavelength_nm=530)
    with pytest.warns(QualityWarning, match="f_0"):
        missing = ds.quality_missing.compute(scheduler="synchronous")
    assert missing.values.ravel().tolist() == [True, False, False, False]
    for path in paths:
        path.write_bytes(b"")
    with pytest.raises(OpeningError, match="f_0"):
        raw(tmp_path, wavelength_nm=530)


def test_a_file_with_more_frames_is_not_cut_short(tmp_path, write_frames):
    write_frames([f"f_{n}.tif" for n in range(3)])
    tifffile.imwrite(tmp_path / "f_2.tif", stack(4, 32, 40), photometric="minisblack")
    with pytest.raises(OpeningError, match=r"f_2\.tif holds 4 frames"):
        raw(tmp_path, wavelength_nm=530)


def test_as_many_files_as_colours_with_a_page_a_colour(tmp_path):
    for n in range(3):
        tifffile.imwrite(tmp_path / f"f_{n}.tif", stack(3, 24, 32), photometric="minisblack")
    assert raw(tmp_path).sizes == {"time": 3, "wavelength": 3, "y": 24, "x": 32}


def test_dates_that_do_not_rise_are_no_times(tmp_path, write_frames):
    paths = write_frames([f"f_{n}.tif" for n in range(3)])
    os.utime(paths[0], (1_800_000_000,) * 2)
    with pytest.warns(QualityWarning, match="time_pattern"):
        ds = raw(tmp_path, wavelength_nm=530)
    assert "time" not in ds.coords


def test_brackets_in_a_folder_name(tmp_path, write_frames):
    folder = tmp_path / "day [1]"
    folder.mkdir()
    write_frames(["a.tif", "b.tif"], folder=folder)
    assert raw(folder / "*.tif", wavelength_nm=530).sizes["time"] == 2


def test_a_file_with_one_frame_more_and_a_file_twice(tmp_path):
    for name, frames in (("s1", 4), ("s2", 5)):
        stacked = stack(frames, 24, 32)
        tifffile.imwrite(tmp_path / f"{name}.tif", stacked, photometric="minisblack")
    with pytest.raises(OpeningError, match="s2"):
        raw(tmp_path / "s*.tif", wavelength_nm=530)
    twice = raw([tmp_path / "s1.tif", tmp_path / "s*1.tif"], wavelength_nm=530)
    assert twice.sizes["time"] == 4
