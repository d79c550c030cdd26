import numpy as np
import pandas as pd
import pytest
import xarray as xr

import lensfree_nb as lf
from lensfree_nb.errors import (
    DataError,
    DimensionError,
    ParameterError,
    QualityWarning,
    UnitError,
)
from lensfree_nb.evaluate.report import compare
from lensfree_nb.quantify.table import COLUMNS
from lensfree_nb.simulate.dish import culture
from lensfree_nb.simulate.render import Field, draw


def test_columns_units_and_agreement_with_the_simulated_truth(reconstructed, cells_truth):
    table = reconstructed.lf.cells()
    assert list(table.columns) == list(COLUMNS)
    assert (table["method"] == "standard").all()
    assert table["trusted"].all()
    inside = cells_truth[
        cells_truth[["y_um", "x_um"]].apply(lambda c: c.between(0, 256 * 1.67)).all(axis=1)
    ]
    scores = compare(table.drop(columns="frame"), inside)
    assert scores.loc["dry_mass_pg", "r2"] > 0.9
    assert scores["recall"].iloc[0] > 0.85


@pytest.mark.parametrize("chunks", [{"time": 1}, {"y": 100, "x": 77}, {"x": 13}])
def test_any_chunking_gives_the_same_table(reconstructed, chunks, no_compute):
    expected = reconstructed.lf.cells()
    with no_compute():
        lazy = reconstructed.chunk(chunks).lf.cells()
    assert lazy.npartitions == 1
    found = lazy.compute()
    pd.testing.assert_frame_equal(found.reset_index(drop=True), expected)
    assert lazy.dtypes.to_dict() == found.dtypes.to_dict()


def crowded(shape=(600, 700), density_per_mm2=400.0):
    """True OPD of a crowded simulated culture, with 1.5 nm of noise."""
    rng = np.random.default_rng(51)
    table = culture(shape, density_per_mm2, rng=rng, spacing_um=15.0)
    opd = draw(table, Field(shape, 1.67))[0].numpy() + rng.normal(0, 1.5, shape)
    return xr.Dataset({"opd": (("y", "x"), opd, {"units": "nm"})}, attrs={"pixel_size_um": 1.67})


def test_tiles_lose_no_cell_and_count_none_twice():
    ds = crowded()
    order = ["y_um", "x_um"]
    whole = ds.lf.cells().sort_values(order, ignore_index=True)
    assert len(whole) > 250
    for tile_px in (150, 256):
        tiled = ds.lf.cells(tile_px=tile_px).sort_values(order, ignore_index=True)
        pd.testing.assert_frame_equal(tiled.drop(columns="cell"), whole.drop(columns="cell"))


def test_a_cell_beside_unknown_pixels_is_not_trusted():
    ds = crowded((300, 300), 200.0)
    victim = ds.lf.cells().query("not edge").iloc[0]
    y, x = (round(victim[axis] / 1.67) for axis in ("y_um", "x_um"))
    ds["opd"][y - 2 : y + 3, x + 2 : x + 30] = np.nan
    table = ds.lf.cells()
    assert not table["trusted"].all()
    near = np.hypot(table["y_um"] - victim["y_um"], table["x_um"] - victim["x_um"]) < 15
    assert not table.loc[near, "trusted"].any()
    assert table.loc[~near, "trusted"].mean() > 0.8


def test_a_property_of_several_columns(reconstructed):
    table = reconstructed.lf.cells(properties=("bbox", "solidity"))
    assert [*table.columns[-5:]] == ["bbox-0_px", "bbox-1_px", "bbox-2_px", "bbox-3_px", "solidity"]


def test_labels_are_lazy_and_the_same(reconstructed, no_compute):
    expected = reconstructed.lf.segment()
    with no_compute():
        lazy = reconstructed.chunk({"y": 100}).lf.segment()
    assert (lazy["labels"].compute() == expected["labels"]).all()
    assert lazy["labels"].dtype == np.int32
    assert lazy.attrs["operator"] == "me"
    assert "segment" in lazy.attrs["provenance"]


def test_an_unknown_frame_gives_no_rows(reconstructed):
    both = reconstructed.isel(time=[0, 0]).copy(deep=True)
    both["opd"][1] = np.nan
    both["trusted"] = ("time", [True, False])
    table = both.lf.cells()
    assert set(table["frame"]) == {0}
    assert both.chunk(time=1).lf.cells().npartitions == 2


def test_images_of_another_instrument_go_through_the_same_verbs():
    yy, xx = np.mgrid[:100, :100]
    phase = 1.2 * np.exp(-((yy - 50) ** 2 + (xx - 40) ** 2) / 60)
    ds = lf.from_opd(phase, pixel_size_um=1.0, units="rad", wavelength_nm=647.0)
    table = ds.lf.cells()
    assert len(table) == 1
    assert table["max_opd_nm"][0] == pytest.approx(1.2 * 647 / (2 * np.pi), rel=0.01)
    assert pd.isna(table["time"][0])


@pytest.mark.parametrize(
    "options",
    [
        {"threshold_nm": -1.0},
        {"cell_diameter_um": "20"},
        {"cell_diameter_um": 1e6},
        {"cell_diameter_um": 0.0},
        {"min_area_um2": np.nan},
        {"alpha_um3_per_pg": 0.0},
        {"method": "cnn"},
    ],
)
def test_bad_options(reconstructed, options):
    with pytest.raises(ParameterError, match=next(iter(options))):
        reconstructed.lf.cells(**options)


def test_an_opd_without_a_unit_is_refused(reconstructed):
    bare = reconstructed.copy()
    bare["opd"].attrs.clear()
    with pytest.raises(UnitError, match="'nm'"):
        bare.lf.cells()


def test_cells_of_a_crop_stay_where_they_are(reconstructed):
    crop = reconstructed.isel(y=slice(60, 220), x=slice(40, 230))
    found = compare(crop.lf.cells(threshold_nm=15.0), reconstructed.lf.cells(threshold_nm=15.0))
    assert found["precision"].iloc[0] > 0.9  # a cell may be cut by the crop's border
    assert found.loc["dry_mass_pg", "n"] > 5
    again = lf.from_opd(crop["opd"], pixel_size_um=1.67)
    assert again["y"].values[0] == crop["y"].values[0]


def test_a_field_without_background_is_told():
    rng = np.random.default_rng(52)
    waves = 200 + 80 * np.sin(np.arange(200) / 6)[:, None] * np.sin(np.arange(220) / 7)
    full = lf.from_opd(waves + rng.normal(0, 1, waves.shape), pixel_size_um=1.67)
    with pytest.warns(QualityWarning, match="no background is left"):
        assert not len(full.lf.cells(min_area_um2=1e5))


def at_the_border():
    """Four bumps, three of them centred on the outermost pixels."""
    y, x = np.mgrid[:256, :256]
    bumps = sum(
        60 * np.exp(-((y - a) ** 2 + (x - b) ** 2) / 72)
        for a, b in ((128, 128), (0, 60), (255, 180), (90, 0))
    )
    noise = np.random.default_rng(53).normal(0, 0.3, (256, 256))
    return lf.from_opd(bumps + noise, pixel_size_um=1.67)


@pytest.mark.parametrize("tile_px", [None, 100])
def test_every_outlined_cell_is_in_the_table(tile_px):
    ds = at_the_border()
    table = ds.lf.cells(tile_px=tile_px)
    assert len(table) == ds.lf.segment()["labels"].values.max() == 4
    assert table["edge"].sum() == 3


def test_labels_are_measured_as_they_are(reconstructed, no_compute):
    outlined = reconstructed.lf.segment(min_area_um2=500.0)
    table = outlined.lf.cells()
    assert len(table) == outlined["labels"].values.max() < len(reconstructed.lf.cells())
    own = outlined.assign(labels=outlined["labels"].where(outlined["labels"] != 2, 0) * 3)
    assert len(own.lf.cells()) == len(table) - 1
    with no_compute():
        lazy = own.chunk(y=50).lf.cells()
    assert len(lazy.compute()) == len(table) - 1
    with pytest.raises(ParameterError, match="drop the labels"):
        outlined.lf.cells(threshold_nm=3.0)
    assert len(at_the_border().lf.segment(threshold_nm=40, min_area_um2=2000).lf.cells()) == 0


def test_labels_and_trust_follow_the_order_of_the_dims(reconstructed):
    outlined = reconstructed.lf.segment()
    known = xr.DataArray(np.arange(outlined.sizes["y"]) > 60, dims="y")
    still = outlined["labels"].isel(time=0, drop=True)
    assert len(outlined.assign(labels=still).lf.cells()) == outlined.sizes["time"] * still.max()
    outlined["trusted"] = (xr.ones_like(outlined["labels"], dtype=bool) & known).transpose(
        *outlined["labels"].dims
    )
    table = outlined.lf.cells()
    assert 0 < table["trusted"].sum() < len(table)
    pd.testing.assert_frame_equal(outlined.transpose("x", "y", ...).lf.cells(), table)


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (lambda labels: labels > 0, DataError, "number the cells"),
        (lambda labels: labels * 1.0, DataError, "dtype float64"),
        (lambda labels: labels - 2, DataError, "below 0"),
        (lambda labels: labels.isel(y=0), DimensionError, "must be alike"),
    ],
)
def test_labels_that_are_none(reconstructed, wrong, error, words):
    outlined = reconstructed.lf.segment()
    labels = wrong(outlined["labels"])
    with pytest.raises(error, match=words):
        outlined.drop_vars("labels").assign(labels=labels).lf.cells()
