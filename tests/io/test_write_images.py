"""Sorted and restored images as files that other programs read."""

import numpy as np
import pandas as pd
import pytest
import tifffile
import xarray as xr

import lensfree_nb as lf
from lensfree_nb.errors import DimensionError, WritingError
from tests import seeds


@pytest.fixture
def restored():
    rng = np.random.default_rng(seeds.PIXELS)
    images = rng.random((2, 1, 9, 11)).astype(np.float32)
    dims = ("position", "channel", "y", "x")
    return xr.Dataset(
        {
            "image": (dims, images), "restored": (dims, 2 * images, {"comment": "µ: take care"}),
            "focus": ("position", [0.9, 0.2]), "defocus": ("position", [0.1, 2.0]),
            "was_restored": ("position", [False, True]),
        },
        {"position": ["../A 1", "B2"], "file": ("position", ["a.tif", "b.tif"])},
    )  # fmt: skip


def test_every_image_becomes_a_file_that_stays_in_its_folder(tmp_path, restored):
    written = lf.write_images(restored.chunk(position=1), tmp_path / "out")
    assert [path.name for path in written] == ["A_1_restored.tif", "B2_restored.tif", "focus.csv"]
    assert {path.parent for path in written} == {tmp_path / "out"}
    np.testing.assert_array_equal(tifffile.imread(written[1]), restored["restored"][1, 0])
    with tifffile.TiffFile(written[0]) as tif:
        assert "µ: take care" in tif.ome_metadata
    table = pd.read_csv(written[2])
    assert table["position"].tolist() == ["../A 1", "B2"]
    assert table["written"].tolist() == ["A_1_restored.tif", "B2_restored.tif"]
    assert table["file"].tolist() == ["a.tif", "b.tif"]
    assert table["defocus_depths_of_field"].tolist() == [0.1, 2.0]
    assert table["was_restored"].tolist() == [False, True]


def test_names_that_would_meet_are_numbered(tmp_path, restored):
    alike = restored.assign_coords(position=["A 1", "A_1"])
    written = lf.write_images(alike.drop_vars("restored"), tmp_path)
    names = ["position_0000_image.tif", "position_0001_image.tif"]
    assert [path.name for path in written[:2]] == names
    np.testing.assert_array_equal(tifffile.imread(written[0]), restored["image"][0, 0])
    over_time = alike.drop_vars("position").rename(position="time")
    assert lf.write_images(over_time, tmp_path / "t")[0].name == "time_0000_restored.tif"
    odd = alike.assign_coords(position=["细胞", "B2"])
    assert lf.write_images(odd, tmp_path / "o")[1].name == "position_0001_restored.tif"


def test_nothing_is_written_over_what_is_there(tmp_path, restored):
    lf.write_images(restored, tmp_path)
    with pytest.raises(WritingError, match=r"A_1_restored\.tif already"):
        lf.write_images(2 * restored.drop_vars("file"), tmp_path)
    first = tifffile.imread(tmp_path / "A_1_restored.tif")
    np.testing.assert_array_equal(first, restored["restored"][0, 0])
    lf.write_images(restored.assign(restored=2 * restored["restored"]), tmp_path, overwrite=True)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "A_1_restored.tif"), 2 * first)


def test_colours_and_the_pixel_size_are_read_again(tmp_path, restored):
    colour = xr.concat([restored["restored"]] * 3, "channel").transpose("position", ...)
    ds = restored[["focus"]].assign(restored=colour).assign_attrs(pixel_size_um=0.65)
    lf.write_images(ds, tmp_path)
    again = lf.open_images(tmp_path / "*.tif")
    assert again.attrs["pixel_size_um"] == 0.65
    np.testing.assert_array_equal(again["image"], colour)


def test_without_images_nothing_is_written(tmp_path, restored):
    with pytest.raises(DimensionError):
        lf.write_images(restored[["focus"]], tmp_path / "none")
    with pytest.raises(DimensionError):
        lf.write_images(restored.isel(position=0), tmp_path / "none")
    assert not (tmp_path / "none").exists()
