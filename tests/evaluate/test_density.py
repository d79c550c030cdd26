import numpy as np
import pandas as pd
import pytest

from lensfree_nb.errors import DataError, DimensionError, ParameterError
from lensfree_nb.evaluate.density import compare_by_density
from lensfree_nb.evaluate.paper import DENSITIES_PER_MM2, paper_table_1
from lensfree_nb.evaluate.report import compare
from tests import seeds


@pytest.fixture
def truth():
    """Two hundred cells, the crowd on the right."""
    rng = np.random.default_rng(seeds.CELLS)
    x_um = np.arange(200) * 30.0
    return pd.DataFrame(
        {
            "y_um": np.zeros(200), "x_um": x_um, "area_um2": rng.uniform(300, 900, 200),
            "dry_mass_pg": rng.uniform(100, 300, 200),
            "density_per_mm2": np.where(x_um < 3000, 150.0, 500.0),
        }
    )  # fmt: skip


def measured(truth):
    """Right where it is sparse; a tenth too much, and every tenth cell missed, where it is not."""
    crowded = truth["density_per_mm2"] > 200
    missed = crowded & (np.arange(len(truth)) % 10 == 0)
    return truth.assign(dry_mass_pg=truth["dry_mass_pg"] * np.where(crowded, 1.1, 1.0))[~missed]


def test_each_band_has_its_own_scores(truth):
    scores = compare_by_density(measured(truth), truth)
    assert list(scores.index.get_level_values(0).unique()) == ["area_um2", "dry_mass_pg"]
    sparse, crowded = (scores.loc[("dry_mass_pg", density)] for density in (150.0, 500.0))
    assert sparse["bias_percent"] == pytest.approx(0, abs=1e-9)
    assert crowded["bias_percent"] == pytest.approx(10)
    assert (sparse["recall"], crowded["recall"]) == (1, 0.9)
    assert (sparse["n"], crowded["n"]) == (100, 90)
    assert (sparse["from_per_mm2"], sparse["to_per_mm2"]) == (0, 220)
    assert scores["precision"].eq(1).all()


def test_one_band_over_all_is_the_whole_comparison(truth):
    mine = measured(truth)
    together = compare_by_density(mine, truth, bands_per_mm2=(0, np.inf))
    whole = compare(mine, truth)
    np.testing.assert_allclose(
        together[whole.columns].to_numpy(float), whole.to_numpy(float), rtol=1e-12
    )


def test_a_reference_without_densities_takes_them_from_the_cell_next_to_it(truth):
    bare = truth.drop(columns="density_per_mm2")
    scores = compare_by_density(measured(truth), bare)
    assert scores.loc[("dry_mass_pg", 150.0), "n"] == 100
    assert set(scores.index.get_level_values(1)) == {150.0, 500.0}


def test_frames_do_not_lend_each_other_their_crowd(truth):
    first = truth.assign(frame=0)
    second = first.assign(frame=1, density_per_mm2=300.0)
    mine = pd.concat([first, second], ignore_index=True)
    bare = mine.drop(columns="density_per_mm2")
    scores = compare_by_density(mine, bare)
    assert scores.loc[("area_um2", 300.0), "n"] == 200


def test_what_cannot_be_compared_is_refused(truth):
    with pytest.raises(ParameterError, match="each higher"):
        compare_by_density(truth, truth, bands_per_mm2=(0, 100, 100))
    with pytest.raises(DimensionError, match=r"ds\.lf\.cells"):
        compare_by_density(truth.drop(columns="density_per_mm2"), truth)
    with pytest.raises(DimensionError, match="any of the bands"):
        compare_by_density(truth, truth, bands_per_mm2=(1000, 2000))


def test_the_papers_table_is_whole():
    table = paper_table_1()
    assert table.shape == (16, 5)
    assert table.notna().all().all()
    assert set(table.index.get_level_values(1)) == set(DENSITIES_PER_MM2)
    assert table.loc[("area_um2", 527)].to_list() == [0.80, 0.763, 0.85, 180.4, 46.9]


def test_rows_without_a_density_have_that_of_the_cell_next_to_them(truth):
    holes = truth.copy()
    holes.loc[::3, "density_per_mm2"] = np.nan
    scores = compare_by_density(measured(truth), holes)
    assert scores.xs("dry_mass_pg")["n"].tolist() == [100, 90]
    none = truth.assign(density_per_mm2=np.nan)
    assert compare_by_density(measured(truth), none).xs("dry_mass_pg")["n"].tolist() == [100, 90]


def test_densities_go_by_time_as_pairs_do(truth):
    first, later = pd.to_datetime(["2026-01-01T00:00", "2026-01-01T00:10"])
    mine = pd.concat(
        [truth.assign(time=time, frame=frame, density_per_mm2=density)
         for time, frame, density in ((first, 0, 100.0), (later, 1, 400.0))]
    )  # fmt: skip
    theirs = mine.drop(columns="density_per_mm2").assign(frame=mine["frame"] + 1)
    scores = compare_by_density(mine, theirs)
    assert scores.xs("dry_mass_pg")["n"].tolist() == [200, 200]


def test_a_reference_that_measures_what_no_cell_can_is_refused(truth):
    with pytest.raises(DataError, match="200 values of area_um2"):
        compare_by_density(truth, truth.assign(area_um2=-1.0))


@pytest.mark.parametrize("bands", [5, ["a", "b"]])
def test_bands_must_be_numbers(bands):
    cells = pd.DataFrame({"y_um": [1.0], "x_um": [1.0], "density_per_mm2": [100.0]})
    with pytest.raises(ParameterError, match="bands_per_mm2"):
        compare_by_density(cells, cells, bands_per_mm2=bands)
