import numpy as np
import pandas as pd
import pytest

import lensfree_nb as lf
from lensfree_nb.errors import ParameterError, UnitError
from lensfree_nb.evaluate.report import compare
from lensfree_nb.quantify.cells import COLUMNS


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


def test_tiles_lose_no_cell_and_count_none_twice(reconstructed):
    whole = reconstructed.lf.cells(threshold_nm=12.0)
    tiled = reconstructed.lf.cells(threshold_nm=12.0, tile_px=128)
    order = ["y_um", "x_um"]
    assert len(tiled) == len(whole)
    np.testing.assert_allclose(
        np.sort(tiled["density_per_mm2"]), np.sort(whole["density_per_mm2"]), rtol=0.1
    )
    np.testing.assert_allclose(
        np.sort(tiled["dry_mass_pg"]), np.sort(whole["dry_mass_pg"]), rtol=0.02
    )
    assert not tiled.duplicated(order).any()


def test_a_property_of_several_columns(reconstructed):
    table = reconstructed.lf.cells(properties=("bbox", "solidity"))
    assert [*table.columns[-5:]] == ["bbox-0", "bbox-1", "bbox-2", "bbox-3", "solidity"]


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
