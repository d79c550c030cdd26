import time

import numpy as np
import pytest
import tifffile

from lensfree_nb import contract
from lensfree_nb.errors import QualityWarning
from lensfree_nb.io.opening import open_acquisition
from tests.io.scenes import RGB, SETUP, raw, stack


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
    ds = open_acquisition(tmp_path, **SETUP)
    with pytest.warns(QualityWarning) as caught:
        loaded = ds.compute(scheduler="synchronous")
    expected = np.zeros((6, 3), bool)
    expected[[1, 2, 3, 4], [1, 0, 2, 0]] = True
    np.testing.assert_array_equal(loaded.quality_missing, expected)
    np.testing.assert_array_equal(loaded.hologram.isnull().all(("y", "x")), expected)
    told = " ".join(str(w.message) for w in caught)
    assert all(name in told for name in ("f2_red", "f3_blue", "f4_red.tif", "(10, 12)"))


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
