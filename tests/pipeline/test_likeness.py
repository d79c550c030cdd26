import numpy as np
import pandas as pd
import pytest
from skimage.metrics import structural_similarity

import lensfree_nb as lf
from lensfree_nb.errors import QualityWarning
from lensfree_nb.pipeline.likeness import representation_ssim
from tests import seeds


@pytest.fixture
def table():
    rng = np.random.default_rng(seeds.CELLS)
    grid = np.stack(np.meshgrid(*[np.arange(20, 400, 40.0)] * 2, indexing="ij"), -1).reshape(-1, 2)
    return pd.DataFrame(
        {
            "frame": 0, "y_um": grid[:, 0], "x_um": grid[:, 1],
            "area_um2": rng.uniform(300, 900, len(grid)), "dry_mass_pg": 200.0,
        }
    )  # fmt: skip


def test_a_table_looks_like_itself_and_less_like_one_that_measures_otherwise(table):
    assert representation_ssim(table, table).to_dict() == {"area_um2": 1, "dry_mass_pg": 1}
    other = table.assign(area_um2=1.2 * table["area_um2"])
    worse = table.assign(area_um2=1.4 * table["area_um2"])
    scores = [representation_ssim(cells, table)["area_um2"] for cells in (other, worse)]
    assert 1 > scores[0] > scores[1] > 0
    # Wherever the frame begins, and whatever is not measured.
    moved = [cells.assign(y_um=cells["y_um"] + 167) for cells in (other, table)]
    assert representation_ssim(*moved)["area_um2"] == pytest.approx(scores[0])
    some = other.assign(dry_mass_pg=other["dry_mass_pg"].where(other.index > 20))
    assert representation_ssim(some, table)["area_um2"] == scores[0]
    assert representation_ssim(some, table)["dry_mass_pg"] < 1


def test_the_range_is_the_highest_of_the_reference():
    cell = pd.DataFrame({"y_um": [16.7], "x_um": [16.7], "area_um2": [600.0]})
    other = cell.assign(area_um2=450.0)
    # A disc of 6 px in a square of 13, by hand.
    yy, xx = np.mgrid[-6:7, -6:7]
    disc = (np.hypot(yy, xx) <= 3).astype(np.float32)
    by_hand = structural_similarity(450 * disc, 600 * disc, data_range=600.0)
    assert representation_ssim(other, cell)["area_um2"] == pytest.approx(by_hand, rel=1e-5)


def test_frames_count_alike_and_one_without_cells_is_not_scored(table):
    missing = pd.concat([table, table.assign(frame=1)]), table
    twice = pd.concat([table, table.assign(frame=1)])
    half = pd.concat([table, table.iloc[:50].assign(frame=1)])
    alone = representation_ssim(table.iloc[:50], table)["area_um2"]
    assert representation_ssim(half, twice)["area_um2"] == pytest.approx((1 + alone) / 2)
    assert representation_ssim(*missing)["area_um2"] == 1
    assert np.isnan(representation_ssim(table, table.head(0))["area_um2"])
    assert representation_ssim(table[["y_um", "x_um"]], table).empty
    # Who measures only one metric has no likeness in another; who finds nothing has little.
    one = table.assign(dry_mass_pg=np.nan)
    assert representation_ssim(one, table).isna().to_dict() == {
        "area_um2": False, "dry_mass_pg": True,
    }  # fmt: skip
    assert 0 < representation_ssim(table.head(0), table)["area_um2"] < 0.95


def test_places_in_another_unit_cost_no_memory(table):
    nanometres = table.assign(x_um=1000 * table["x_um"], y_um=1000 * table["y_um"])
    with pytest.warns(QualityWarning, match="spread over 380 x 380 mm"):
        assert representation_ssim(table, nanometres).isna().all()


def test_validate_says_it_where_it_is_asked_for(table):
    other = table.assign(area_um2=1.2 * table["area_um2"])
    assert "ssim" not in lf.validate(other, table).overall
    found = lf.validate(other, table, similarity=True)
    assert found.overall["ssim"].to_dict() == representation_ssim(other, table).to_dict()
    assert "ssim" in found._repr_html_()
