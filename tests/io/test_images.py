"""Images from files of many kinds, lazily, the damaged ones flagged."""

import dask
import numpy as np
import pytest
import tifffile
from skimage.io import imsave

import lensfree_nb as lf
from lensfree_nb.errors import OpeningError, ParameterError, QualityWarning
from lensfree_nb.refocus.images import image_of
from tests import seeds

SHAPE = (20, 30)


@pytest.fixture
def counts():
    return np.random.default_rng(seeds.PIXELS).integers(0, 65536, (3, *SHAPE)).astype(np.uint16)


@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_files_become_positions_in_natural_order(tmp_path, counts, suffix):
    for number, image in zip((10, 2, 1), counts, strict=True):
        imsave(tmp_path / f"well{number}{suffix}", image, check_contrast=False)
    (tmp_path / "notes.txt").write_text("not an image")
    with dask.config.set(scheduler=_never):
        ds = lf.open_images(tmp_path, pixel_size_um=0.65)
    assert ds["image"].dims == ("position", "channel", "y", "x")
    assert ds["position"].values.tolist() == ["well1", "well2", "well10"]
    assert ds["file"].values[0] == f"well1{suffix}"
    np.testing.assert_array_equal(ds["image"][:, 0], counts[::-1])
    assert ds["image"].attrs["units"] == "counts"
    assert ds.attrs["pixel_size_um"] == 0.65
    assert float(ds["x"][2]) == pytest.approx(1.3)
    assert ds["image"].chunks[0] == (1, 1, 1)
    assert image_of(ds).shape == (3, 1, *SHAPE)


def test_a_stack_in_one_file_and_images_over_time(tmp_path, counts):
    tifffile.imwrite(tmp_path / "all.tif", counts, photometric="minisblack")
    ds = lf.open_images(tmp_path / "all.tif", along="time")
    assert ds["image"].dims == ("time", "channel", "y", "x")
    np.testing.assert_array_equal(ds["image"][:, 0], counts)
    assert "position" not in ds.coords
    tifffile.imwrite(tmp_path / "more.tif", counts, photometric="minisblack")
    with pytest.raises(OpeningError, match="holds 3 images itself"):
        lf.open_images(tmp_path)


def test_colours_are_channels_and_transparency_is_none(tmp_path):
    rng = np.random.default_rng(seeds.PIXELS)
    rgba = rng.integers(0, 256, (*SHAPE, 4)).astype(np.uint8)
    imsave(tmp_path / "one.png", rgba, check_contrast=False)
    ds = lf.open_images(tmp_path / "one.png")
    assert ds["channel"].values.tolist() == ["red", "green", "blue"]
    np.testing.assert_array_equal(ds["image"][0].transpose("y", "x", "channel"), rgba[..., :3])


def test_kinds_may_be_mixed_and_positions_have_names_of_their_own(tmp_path, counts):
    tifffile.imwrite(tmp_path / "a.tif", counts[0])
    imsave(tmp_path / "a.png", counts[1], check_contrast=False)
    imsave(tmp_path / "b.png", counts[2], check_contrast=False)
    for files in ("*", "[ab].*"):
        ds = lf.open_images(tmp_path / files)
        assert ds["position"].values.tolist() == ["a.png", "a.tif", "b.png"]
        np.testing.assert_array_equal(ds["image"][:, 0], counts[[1, 0, 2]])
    first = lf.open_images([tmp_path / "a.tif", tmp_path / "b.png"])
    np.testing.assert_array_equal(first["image"][1, 0], counts[2])


def test_images_that_would_be_lost_are_told(tmp_path, counts):
    tifffile.imwrite(tmp_path / "a.tif", counts[0])
    tifffile.imwrite(tmp_path / "b.tif", counts, photometric="minisblack")
    with pytest.raises(OpeningError, match=r"b\.tif holds 3 images itself"):
        lf.open_images(tmp_path)


def test_what_is_damaged_or_of_another_size_costs_itself_alone(tmp_path, counts):
    for number, image in enumerate(counts):
        tifffile.imwrite(tmp_path / f"{number}.tif", image)
    whole = (tmp_path / "1.tif").read_bytes()
    (tmp_path / "1.tif").write_bytes(whole[: len(whole) // 2])
    tifffile.imwrite(tmp_path / "3.tif", counts[0][:9])
    tifffile.imwrite(tmp_path / "4.tif", counts[0].astype(np.float32))
    ds = lf.open_images(tmp_path)
    with pytest.warns(QualityWarning, match="cannot be used"):
        image = ds["image"].compute()
    assert np.isnan(image).all(("channel", "y", "x")).values.tolist() == [
        False,
        True,
        False,
        True,
        True,
    ]
    np.testing.assert_array_equal(image[2, 0], counts[2])


def test_what_cannot_be_opened_is_told(tmp_path):
    with pytest.raises(OpeningError, match="holds no image"):
        lf.open_images(tmp_path)
    with pytest.raises(OpeningError, match="no file matches"):
        lf.open_images(tmp_path / "*.tif")
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(OpeningError, match="is not understood"):
        lf.open_images(tmp_path / "a.txt")
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(OpeningError, match="no file can be read"):
        lf.open_images(tmp_path / "b.png")
    imsave(tmp_path / "c.png", np.zeros(SHAPE, np.uint8), check_contrast=False)
    with pytest.raises(ParameterError, match="along"):
        lf.open_images(tmp_path / "c.png", along="depth")
    with pytest.raises(ParameterError, match="pixel_size_um"):
        lf.open_images(tmp_path / "c.png", pixel_size_um=0)


def _never(*_, **__):
    raise AssertionError("computed")
