"""Sorted and restored images as files that other programs read."""

import numpy as np
import pandas as pd
import pytest
import tifffile
import xarray as xr

import lensfree_nb as lf
from lensfree_nb.errors import DimensionError
from tests import seeds


@pytest.fixture
def restored():
    rng = np.random.default_rng(seeds.PIXELS)
    images = rng.random((2, 1, 9, 11)).astype(np.float32)
    dims = ("position", "channel", "y", "x")
    return xr.Dataset(
        {
            "image": (dims, images), "restored": (dims, 2 * images, {"comment": "take care"}),
            "focus": ("position", [0.9, 0.2]), "defocus": ("position", [0.1, 2.0]),
            "was_restored": ("position", [False, True]),
        },
        {"position": ["../A 1", "B2"], "file": ("position", ["a.tif", "b.tif"])},
    )  # fmt: skip


def test_every_image_becomes_a_file_that_stays_in_its_folder(tmp_path, restored):
    written = lf.write_images(restored.chunk(position=1), tmp_path / "out")
    assert [path.name for path in written] == ["A_1.tif", "B2.tif", "focus.csv"]
    assert {path.parent for path in written} == {tmp_path / "out"}
    np.testing.assert_array_equal(tifffile.imread(written[1]), restored["restored"][1, 0])
    with tifffile.TiffFile(written[0]) as tif:
        assert tif.pages[0].description == "take care"
    table = pd.read_csv(written[2])
    assert table["position"].tolist() == ["A_1", "B2"]
    assert table["file"].tolist() == ["a.tif", "b.tif"]
    assert table["defocus_depths_of_field"].tolist() == [0.1, 2.0]
    assert table["was_restored"].tolist() == [False, True]


def test_names_that_would_meet_are_numbered(tmp_path, restored):
    alike = restored.assign_coords(position=["A 1", "A_1"])
    written = lf.write_images(alike.drop_vars("restored"), tmp_path)
    assert [path.name for path in written[:2]] == ["position_0000.tif", "position_0001.tif"]
    np.testing.assert_array_equal(tifffile.imread(written[0]), restored["image"][0, 0])
    over_time = alike.drop_vars("position").rename(position="time")
    assert lf.write_images(over_time, tmp_path)[0].name == "time_0000.tif"


def test_without_images_nothing_is_written(tmp_path, restored):
    with pytest.raises(DimensionError):
        lf.write_images(restored[["focus"]], tmp_path / "none")
    with pytest.raises(DimensionError):
        lf.write_images(restored.isel(position=0), tmp_path / "none")
    assert not (tmp_path / "none").exists()
