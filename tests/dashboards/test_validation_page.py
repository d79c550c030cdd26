import numpy as np
import pytest

import lensfree_nb as lf
from lensfree_nb.dashboards.disagreements import APART, EXTRA, MISSED, SHOWN, chosen_cells
from lensfree_nb.errors import ParameterError
from tests.dashboards.test_page import Page


@pytest.fixture(scope="module")
def validated(reconstructed):
    """A table with a cell left out, one invented, one far too heavy, and one that is cut."""
    truth = reconstructed.lf.cells()
    cells = truth.drop(index=0).reset_index(drop=True)
    whole = int(np.flatnonzero(~cells["edge"])[0])
    cells.loc[whole, "dry_mass_pg"] *= 3
    cells.loc[len(cells)] = cells.iloc[0].to_dict() | {"y_um": 5.0, "x_um": 5.0, "edge": True}
    return lf.validate(cells, truth, against="simulated truth"), cells, whole


def test_the_page_holds_scores_and_pictures(validated, reconstructed, tmp_path):
    found, _, _ = validated
    written = lf.write_validation_page(found, tmp_path / "validation.html", ds=reconstructed)
    page = Page(written.read_text())
    assert all(link.startswith("data:image/png") for link in page.links)
    assert len(page.links) == 2
    for words in (
        "Against simulated truth", "1 missed, 1 extra", f"{len(found.pairs)} cells paired",
        "limits_low", "dry_mass_pg", "Where they disagree", "Allier 2022", "How it was made",
    ):  # fmt: skip
        assert words in page.text, words
    assert f"{found.overall.loc['dry_mass_pg', 'bias_percent']:.3f}" in page.text


def test_the_cells_shown_are_those_that_disagree(validated, reconstructed):
    found, cells, heavy = validated
    shown = chosen_cells(reconstructed, found, 0)
    assert len(shown[MISSED]) == len(shown[EXTRA]) == 1
    assert 1 < len(shown[APART]) <= SHOWN
    first = shown[APART].iloc[0]
    assert first["y_um"] == pytest.approx(cells.loc[heavy, "y_um"])
    low, high = (float(n) for n in first["words"].split("\n")[1].split(" → "))
    assert high / low == pytest.approx(3, rel=0.02)


def test_nothing_in_common_still_makes_a_page(validated, reconstructed, tmp_path):
    found, cells, _ = validated
    none = lf.validate(cells.iloc[:0], cells, against="<b>nobody</b>")
    page = Page(
        lf.write_validation_page(none, tmp_path / "none.html", ds=reconstructed).read_text()
    )
    assert f"0 cells paired, {len(cells)} missed" in page.text
    assert "b" not in page.tags
    bare = Page(lf.write_validation_page(found, tmp_path / "bare.html").read_text())
    assert len(bare.links) == 1
    with pytest.raises(ParameterError, match="number of a frame"):
        lf.write_validation_page(found, tmp_path / "late.html", ds=reconstructed, time=9)
