"""Every way to get the input wrong that we could think of: the error, and the words that help."""

import dask.array as da
import numpy as np
import pint
import pytest
import tifffile
import xarray as xr

from lensfree_nb import contract, errors
from lensfree_nb.io.acquisition import acquisition
from lensfree_nb.io.background import divide_background
from lensfree_nb.io.from_opd import from_opd
from lensfree_nb.io.opening import open_acquisition
from tests import seeds

UNIT = pint.UnitRegistry()
FRAME = np.random.default_rng(seeds.PIXELS).normal(100, 3, (24, 32))
RGB = (640, 530, 450)
GOOD = {"wavelength_nm": 530, "pixel_size_um": 1.67}
HOLOGRAM = xr.DataArray(FRAME[None], dims=("wavelength", "y", "x"))


def array_with(**changes):
    return lambda: acquisition(changes.pop("data", FRAME), **{**GOOD, **changes})


def opd_with(data=FRAME, **changes):
    return lambda: from_opd(data, **{"pixel_size_um": 1.0, **changes})


def one(data, **names):
    return xr.DataArray(data, **names)


IN_MEMORY = {
    "one wavelength for three colours": (
        array_with(data=one(np.ones((3, 24, 32)), dims=("wavelength", "y", "x"))),
        errors.SetupError,
        "one a colour",
    ),
    "a broad source at no distance": (
        array_with(source_diameter_um=50),
        errors.SetupError,
        "give both",
    ),
    "a saturation in words": (array_with(saturation="auto"), errors.ParameterError, "level > 0"),
    "oblong pixels": (
        array_with(
            data=one(
                FRAME,
                dims=("y", "x"),
                coords={
                    "y": ("y", 2.0 * np.arange(24), {"units": "um"}),
                    "x": ("x", 1.67 * np.arange(32), {"units": "um"}),
                },
            )
        ),
        errors.SetupError,
        "rise by pixel_size_um",
    ),
    "a dataset": (array_with(data=HOLOGRAM.to_dataset(name="h")), errors.DimensionError, "Dataset"),
    "a background of nothing": (
        array_with(background=np.full((24, 32), np.nan)),
        errors.DataError,
        "single known pixel",
    ),
    "two pitches of a phase": (opd_with(pixel_size_um=(1, 2)), errors.SetupError, "2 values"),
    "a phase beyond numbers": (
        opd_with(data=np.full((4, 4), 1e38), units="um"),
        errors.DataError,
        "infinite",
    ),
    "one dimension": (array_with(data=FRAME[0]), errors.DimensionError, r"\(y, x\)"),
    "five dimensions": (array_with(data=FRAME[None, None, None]), errors.DimensionError, "shape"),
    "empty": (array_with(data=FRAME[:0]), errors.DimensionError, "empty"),
    "colours last": (
        array_with(data=np.ones((24, 32, 3)), wavelength_nm=RGB),
        errors.DimensionError,
        "moveaxis",
    ),
    "foreign dims": (
        array_with(data=one(FRAME, dims=("row", "col"))),
        errors.DimensionError,
        "rename",
    ),
    "a dim too many": (
        array_with(data=one(FRAME[None], dims=("position", "y", "x"))),
        errors.DimensionError,
        "position",
    ),
    "colours and heights at once": (
        array_with(data=one(FRAME[None, None], dims=("wavelength", "plane", "y", "x"))),
        errors.DimensionError,
        "wavelength or plane",
    ),
    "complex": (array_with(data=FRAME * 1j), errors.DataError, r"abs\(field\)\*\*2"),
    "text": (array_with(data=np.full((4, 4), "a")), errors.DataError, "real"),
    "complex and lazy": (array_with(data=da.ones((4, 4), dtype=complex)), errors.DataError, "real"),
    "infinite": (array_with(data=np.where(FRAME > 105, np.inf, FRAME)), errors.DataError, "NaN"),
    "negative counts": (array_with(data=FRAME - 100), errors.DataError, "negative.*dark="),
    "all unknown": (array_with(data=FRAME * np.nan), errors.DataError, "no known pixel"),
    "a length as intensity": (array_with(data=FRAME * UNIT.nm), errors.UnitError, "counts"),
    "no wavelength": (
        array_with(wavelength_nm=None),
        errors.SetupError,
        "wavelength_nm is missing",
    ),
    "wavelength zero": (array_with(wavelength_nm=0), errors.SetupError, "wavelength_nm is 0"),
    "wavelength in um": (array_with(wavelength_nm=0.53), errors.SetupError, "Check the unit"),
    "wavelength a word": (array_with(wavelength_nm="red"), errors.UnitError, "not a number"),
    "wavelength in seconds": (
        array_with(wavelength_nm=530 * UNIT.s),
        errors.UnitError,
        "cannot be converted to nm",
    ),
    "two wavelengths for three colours": (
        array_with(data=np.ones((3, 24, 32)), wavelength_nm=(640, 530)),
        errors.SetupError,
        "2 values for 3 exposures",
    ),
    "no pixel size": (
        array_with(pixel_size_um=None),
        errors.SetupError,
        "pixel_size_um is missing",
    ),
    "pixel size in nm": (array_with(pixel_size_um=1670), errors.SetupError, "Check the unit"),
    "two pixel sizes": (array_with(pixel_size_um=(1, 2)), errors.SetupError, "give one"),
    "distance zero": (array_with(distance_um=0), errors.DistanceError, "1 mm is 1000 um"),
    "distance negative": (
        array_with(distance_um=-1000),
        errors.DistanceError,
        "distance_um is -1000",
    ),
    "distance astronomic": (array_with(distance_um=1e9), errors.DistanceError, "distance_um"),
    "distances too few": (
        array_with(data=np.ones((3, 24, 32)), dim="plane", distance_um=(900, 1000)),
        errors.SetupError,
        "2 values for 3 exposures",
    ),
    "index below 1": (array_with(medium_index=0.5), errors.SetupError, "medium_index"),
    "no such dim": (array_with(dim="colour"), errors.ParameterError, "'wavelength' or 'plane'"),
    "times too few": (
        array_with(data=np.ones((3, 24, 32)), time=["2024-05-01"]),
        errors.DimensionError,
        "1 values for 3 frames",
    ),
    "times that are numbers": (array_with(time=[1.0]), errors.ParameterError, "give dates"),
    "times that are none": (array_with(time=["noon"]), errors.ParameterError, "not a date"),
    "saturation zero": (array_with(saturation=0), errors.ParameterError, "saturation"),
    "dead of another shape": (
        array_with(dead=np.zeros((3, 3), bool)),
        errors.DimensionError,
        "dead has shape",
    ),
    "dead a word": (array_with(dead="find", background="frame"), errors.ParameterError, "'auto'"),
    "dark complex": (
        array_with(dark=FRAME * 1j, background="frame"),
        errors.DataError,
        "dark has dtype",
    ),
    "dark that would be ignored": (array_with(dark=64), errors.ParameterError, "background="),
    "background of another shape": (
        array_with(background=FRAME[:10]),
        errors.DimensionError,
        "give one image",
    ),
    "background of one row": (
        lambda: divide_background(HOLOGRAM, FRAME[0]),
        errors.DimensionError,
        "background has shape",
    ),
    "background without x": (
        lambda: divide_background(HOLOGRAM, one(FRAME[0], dims="y")),
        errors.DimensionError,
        "y and x",
    ),
    "background a word": (array_with(background="white"), errors.ParameterError, "'stack'"),
    "stack of one frame": (array_with(background="stack"), errors.ParameterError, "several frames"),
    "OPD without a unit": (
        opd_with(one(FRAME, dims=("y", "x"), attrs={"units": "1"})),
        errors.UnitError,
        "nm or um",
    ),
    "OPD in seconds": (opd_with(units="s"), errors.UnitError, "not a unit of length"),
    "phase without wavelength": (opd_with(units="rad"), errors.SetupError, "wavelength_nm"),
    "phase of two wavelengths": (
        opd_with(units="rad", wavelength_nm=(640, 530)),
        errors.SetupError,
        "has one",
    ),
    "OPD complex": (opd_with(FRAME * 1j), errors.DataError, "angle"),
    "OPD infinite": (opd_with(FRAME * np.inf), errors.DataError, "NaN"),
    "OPD of one row": (opd_with(FRAME[0]), errors.DimensionError, "y, x"),
    "OPD with colours": (
        opd_with(one(FRAME[None], dims=("wavelength", "y", "x"))),
        errors.DimensionError,
        "y, x",
    ),
    "absorption of another shape": (
        opd_with(absorption=FRAME[:5]),
        errors.DimensionError,
        "absorption has",
    ),
    "no hologram": (
        lambda: contract.hologram_of(xr.Dataset()),
        errors.DimensionError,
        "acquisition",
    ),
    "hologram in volts": (
        lambda: contract.hologram_of(HOLOGRAM.assign_attrs(units="V").to_dataset(name="hologram")),
        errors.UnitError,
        "'counts' or '1'",
    ),
    "distance not found": (
        lambda: contract.distance_of(acquisition(FRAME, **GOOD)),
        errors.DistanceError,
        "find_distance",
    ),
}


@pytest.mark.parametrize("case", IN_MEMORY)
def test_in_memory(case):
    call, error, words = IN_MEMORY[case]
    with pytest.raises(error, match=words) as caught:
        call()
    assert isinstance(caught.value, errors.LensfreeError)


def write(folder, **names):
    for name, content in names.items():
        path = folder / f"{name}.tif"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            tifffile.imwrite(path, content)
    return folder


def truncated(folder):
    write(folder, a=FRAME.astype(np.uint16))
    path = folder / "a.tif"
    path.write_bytes(path.read_bytes()[:6])
    return path


IN_FILES = {
    "no match": (lambda f: f / "*.tif", {}, errors.OpeningError, "no file matches"),
    "no such file": (lambda f: str(f / "a.tif"), {}, errors.OpeningError, "check the path"),
    "empty folder": (lambda f: f, {}, errors.OpeningError, "holds no TIFF"),
    "empty list": (lambda f: [], {}, errors.OpeningError, "at least one"),
    "an array": (lambda f: 3, {}, errors.OpeningError, "lensfree_nb.acquisition"),
    "text named .tif": (lambda f: write(f, a=b"hello"), {}, errors.OpeningError, "cannot be read"),
    "empty file": (lambda f: write(f, a=b""), {}, errors.OpeningError, "cannot be read"),
    "cut off": (truncated, {}, errors.OpeningError, "complete"),
    "another kind": (
        lambda f: [write(f, a=FRAME) / "a.tif", f],
        {"paths": "note.txt"},
        errors.OpeningError,
        "not understood",
    ),
    "no wavelength": (
        lambda f: write(f, a=FRAME),
        {"wavelength_nm": None},
        errors.SetupError,
        "wavelength_nm is missing",
    ),
    "no pixel size": (
        lambda f: write(f, a=FRAME),
        {"pixel_size_um": None},
        errors.SetupError,
        "pixel_size_um is missing",
    ),
    "two colours for three wavelengths": (
        lambda f: write(f, a_red=FRAME, a_blue=FRAME),
        {"wavelength_nm": RGB},
        errors.SetupError,
        "tell 2 exposures",
    ),
    "five pages for three wavelengths": (
        lambda f: write(f, a=np.ones((5, 24, 32), np.float32)),
        {"wavelength_nm": RGB},
        errors.SetupError,
        "3 values for",
    ),
    "one colour twice": (
        lambda f: write(f, a_red=FRAME, a_RED=FRAME, a_blue=FRAME),
        {},
        errors.OpeningError,
        "both 'red'",
    ),
    "colours in names and pages": (
        lambda f: write(
            f, a_red=np.ones((24, 32, 3), np.uint8), a_blue=np.ones((24, 32, 3), np.uint8)
        ),
        {},
        errors.OpeningError,
        "one kind",
    ),
    "time not in the name": (
        lambda f: write(f, a=FRAME),
        {"time_pattern": "%Y%m%d"},
        errors.OpeningError,
        "not found in a.tif",
    ),
    "time pattern without names": (
        lambda f: write(f, a=FRAME),
        {"time_pattern": r"(\d+)"},
        errors.ParameterError,
        "named groups",
    ),
    "time pattern broken": (
        lambda f: write(f, a=FRAME),
        {"time_pattern": "(((["},
        errors.ParameterError,
        "regular expression",
    ),
    "time directive unknown": (
        lambda f: write(f, a=FRAME),
        {"time_pattern": "%Q"},
        errors.ParameterError,
        "%Q",
    ),
    "no background file": (
        lambda f: write(f, a=FRAME),
        {"background": "empty_field.tif"},
        errors.OpeningError,
        "empty_field",
    ),
    "no such dim": (
        lambda f: write(f, a=FRAME),
        {"dim": "z"},
        errors.ParameterError,
        "'plane'",
    ),
    "store without data": (
        lambda f: (
            [(f / "a.zarr").mkdir(), (f / "a.zarr" / "zarr.json").write_text("{")] and f / "a.zarr"
        ),
        {},
        errors.OpeningError,
        "cannot be read as Zarr",
    ),
}


@pytest.mark.parametrize("case", IN_FILES)
def test_in_files(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make, options, error, words = IN_FILES[case]
    (tmp_path / "in").mkdir()
    paths = make(tmp_path / "in")
    options = {**GOOD, **options}
    if "paths" in options:
        paths = tmp_path / "in" / options.pop("paths")
        paths.write_text("a note")
    with pytest.raises(error, match=words) as caught:
        open_acquisition(paths, **options)
    assert isinstance(caught.value, errors.LensfreeError)
