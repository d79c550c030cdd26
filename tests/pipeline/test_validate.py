import numpy as np
import pandas as pd
import pytest

import lensfree_nb as lf
from lensfree_nb.errors import OpeningError, ParameterError, QualityWarning
from lensfree_nb.evaluate.report import compare
from tests import seeds


@pytest.fixture
def truth():
    rng = np.random.default_rng(seeds.CELLS)
    grid = np.stack(np.meshgrid(*[np.arange(20, 900, 60.0)] * 2, indexing="ij"), -1).reshape(-1, 2)
    count = len(grid)
    return pd.DataFrame(
        {
            "frame": 0, "y_um": grid[:, 0], "x_um": grid[:, 1],
            "area_um2": rng.uniform(300, 900, count), "dry_mass_pg": rng.uniform(80, 300, count),
            "max_opd_nm": rng.uniform(60, 150, count), "major_axis_um": rng.uniform(25, 55, count),
            "density_per_mm2": rng.uniform(100, 600, count), "edge": False,
        }
    )  # fmt: skip


@pytest.fixture
def measured(truth):
    """All masses a tenth too high, two cells missed, one invented."""
    found = truth.assign(dry_mass_pg=1.1 * truth["dry_mass_pg"]).iloc[2:]
    extra = found.iloc[[0]].assign(y_um=5000.0)
    return pd.concat([found, extra], ignore_index=True)


def test_a_table_of_ones_own(measured, truth):
    found = lf.validate(measured, truth, against="simulated truth")
    pd.testing.assert_frame_equal(found.overall, compare(measured, truth))
    assert found.overall.loc["dry_mass_pg", "bias_percent"] == pytest.approx(10)
    assert len(found.missed) == 2
    assert len(found.extra) == 1
    assert found.between == "Against simulated truth"
    named = lf.validate(measured.assign(method="measure"), truth, against="simulated truth")
    assert named.between == "Against simulated truth, cells by measure"
    assert len(found.pairs) == len(truth) - 2
    np.testing.assert_allclose(
        found.pairs["dry_mass_pg"], 1.1 * found.pairs["dry_mass_pg_reference"]
    )
    beside = found.beside_paper
    assert {"r2", "paper_r2", "paper_mad"} <= set(beside.columns)
    assert (beside.loc["area_um2", "paper_r2"].diff().dropna() < 0).all()
    page = found._repr_html_()
    assert "Against simulated truth: precision" in page
    assert "2 missed, 1 extra" in page


def test_places_in_another_unit_pair_nothing_and_that_is_told(measured, truth):
    metres = measured.assign(y_um=measured["y_um"] * 1e-6, x_um=measured["x_um"] * 1e-6)
    with pytest.warns(QualityWarning, match="Places reach 0.005 um and 860 um") as told:
        found = lf.validate(metres, truth)
    assert len(told) == 1
    assert found.shares == {"precision": 0, "recall": 0}


def test_shares_of_nothing_are_told_in_words(measured, truth):
    assert lf.validate(measured.head(0), truth.head(0)).told == "no precision, no recall"


def test_bands_are_those_asked_for(measured, truth):
    found = lf.validate(measured, truth, bands_per_mm2=(0.0, 300.0, 1000.0)).by_density
    assert found["from_per_mm2"].unique().tolist() == [0, 300]


def test_numbers_in_words_are_paired_as_numbers(measured, truth):
    words = measured.assign(area_um2=measured["area_um2"].astype(str))
    found = lf.validate(words, truth)
    pd.testing.assert_frame_equal(found.pairs, lf.validate(measured, truth).pairs)


def test_against_the_standard_pipeline(reconstructed):
    cells = reconstructed.lf.cells()
    found = lf.validate(cells, reconstructed)
    assert found.against == "the standard pipeline"
    assert found.overall.loc["area_um2", "r2"] == pytest.approx(1)
    assert found.overall["recall"].iloc[0] == 1


def test_against_a_file(measured, truth, tmp_path):
    path = tmp_path / "results.csv"
    pd.DataFrame(
        {
            "X": truth["x_um"] / 2 + 0.5, "Y": truth["y_um"] / 2 + 0.5,
            "Area": truth["area_um2"] / 4, "Major": truth["major_axis_um"] / 2,
        }
    ).to_csv(path)  # fmt: skip
    found = lf.validate(measured, path, unit="px", pixel_size_um=2.0)
    assert found.against == "results.csv"
    assert set(found.overall.index) == {"area_um2", "major_axis_um"}
    assert found.overall["r2"].min() == pytest.approx(1)


def test_tables_that_tell_no_density_or_have_no_row(measured, truth):
    bare = measured.drop(columns="density_per_mm2")
    found = lf.validate(bare, truth)
    assert found.by_density.empty
    assert found.beside_paper.empty
    assert "By the density" not in found._repr_html_()
    none = lf.validate(measured.iloc[:0], truth)
    assert len(none.missed) == len(truth)
    assert none._repr_html_()


def test_what_is_no_reference(measured, truth):
    with pytest.raises(ParameterError, match="is a list"):
        lf.validate(measured, [1, 2])
    with pytest.raises(ParameterError, match="unit: a reference of this kind"):
        lf.validate(measured, truth, unit="px")
    with pytest.raises(OpeningError):
        lf.validate(measured, "nowhere.csv")


def test_places_alone_are_found_or_missed(measured, truth, tmp_path):
    found = lf.validate(measured, truth[["y_um", "x_um"]])
    assert found.overall.empty
    assert found.shares["recall"] == pytest.approx(1 - 2 / len(truth))
    assert "recall 99.1 %" in found._repr_html_()
    assert "recall 99.1 %" in lf.write_validation_page(found, tmp_path / "page.html").read_text()


def test_no_density_known_is_no_error(measured, truth):
    unknown = (table.assign(density_per_mm2=np.nan) for table in (measured, truth))
    assert lf.validate(*unknown).by_density.empty


def test_cells_of_the_border_count_where_they_are_asked_for(measured, truth, tmp_path):
    cut = measured.assign(edge=[True] * 10 + [False] * (len(measured) - 10))
    for include_edge, word in ((False, "left out"), (True, "counted too")):
        found = lf.validate(cut, truth, include_edge=include_edge)
        page = lf.write_validation_page(found, tmp_path / "page.html").read_text()
        assert f"border {word}" in page
        assert found.pairs["scored"].sum() == found.overall["n"].iloc[0]


def test_the_standard_pipeline_measures_for_itself(reconstructed):
    cells = reconstructed.lf.cells(alpha_um3_per_pg=0.24)
    (labels,) = (reconstructed.lf.segment()["labels"] * 0,)
    found = lf.validate(cells, reconstructed.assign(labels=labels), alpha_um3_per_pg=0.24)
    assert found.overall.loc["dry_mass_pg", "bias_percent"] == pytest.approx(0)
    assert len(found.pairs) == len(cells)
    with pytest.raises(ParameterError, match="is a NoneType"):
        lf.validate(None, cells)
