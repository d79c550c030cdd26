from pathlib import Path

import numpy as np
import pytest

from lensfree_nb.errors import OpeningError
from lensfree_nb.io.patterns import group_files, time_of_name

REGEX = (
    r"d(?P<day>\d+)-(?P<month>\d+)-(?P<year>\d+)"
    r"h(?P<hour>\d+)m(?P<minute>\d+)s(?P<second>\d+)"
)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("2024-05-01T12-30-05.tif", None),
        ("20240501_123005_red.tif", None),
        ("plate7_2024-05-01 12.30.05.tif", None),
        ("A_05012024@123005.tif", "%m%d%Y@%H%M%S"),
        ("d01-05-2024h12m30s05.tif", REGEX),
    ],
)  # fmt: skip
def test_times(name, pattern):
    assert time_of_name(name, pattern) == np.datetime64("2024-05-01T12:30:05")


@pytest.mark.parametrize("name", ["frame_0001.tif", "12345678_123456.tif", "20241399_123000.tif"])
def test_no_time(name):
    assert time_of_name(name) is None
    assert time_of_name(name, "%d.%m.%Y") is None


def names(rows):
    return [[path and path.name for path in row] for row in rows]


@pytest.mark.parametrize(
    ("tokens", "labels"),
    [
        (("blue", "green", "red"), ["red", "green", "blue"]),
        (("450nm", "530nm", "640nm"), ["640nm", "530nm", "450nm"]),
        (("ch0", "ch1", "ch2"), ["ch0", "ch1", "ch2"]),
        (("B", "G", "R"), ["r", "g", "b"]),
    ],
)
def test_one_file_a_colour(tokens, labels):
    files = [Path(f"day_{n}_{token}.tif") for n in (10, 2, 1) for token in tokens]
    groups = group_files(files)
    assert groups.labels == labels
    assert [row[0].name.split("_")[1] for row in groups.frames] == ["1", "2", "10"]
    for column, label in enumerate(labels):
        assert all(f"_{label}." in row[column].name.lower() for row in groups.frames)


def test_colours_taken_at_different_times_are_one_frame():
    files = [Path(f"f{n}_20240501_12{n}0{s}0_{c}.tif") for n in (1, 2) for s, c in enumerate("rgb")]
    groups = group_files(files)
    assert len(groups.frames) == 2
    assert None not in groups.frames[0]


def test_any_field_with_as_many_values_as_colours():
    files = [Path(f"well-{n}-{lamp}.tif") for n in range(4) for lamp in ("amber", "cyan")]
    assert group_files(files).labels == [""]
    assert group_files(files, exposures=2).labels == ["amber", "cyan"]


def test_heights():
    files = [Path(f"s_{n}_z{z}.tif") for n in (1, 2) for z in (9, 10, 11)]
    groups = group_files(files, dim="plane")
    assert groups.labels == ["z9", "z10", "z11"]
    assert len(groups.frames) == 2


def test_one_colour_only_is_not_a_grouping():
    groups = group_files([Path("a_red_1.tif"), Path("a_red_2.tif")])
    assert names(groups.frames) == [["a_red_1.tif"], ["a_red_2.tif"]]


def test_the_same_colour_twice_is_an_error():
    files = [Path("f1_red.tif"), Path("f1_RED.tif"), Path("f1_blue.tif")]
    with pytest.raises(OpeningError, match="both 'red'"):
        group_files(files)


def test_a_twelve_hour_clock_needs_a_pattern():
    assert time_of_name("2024-05-01_01_30_00_PM.tif") is None
