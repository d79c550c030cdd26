import pandas as pd
import pytest

import lensfree_nb as lf
from lensfree_nb.errors import ParameterError, WritingError
from tests.dashboards.test_page import Page


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
    with pytest.raises(WritingError, match="is a folder"):
        lf.write_validation_page(found, tmp_path)


def test_a_page_is_of_a_validation(tmp_path):
    with pytest.raises(ParameterError, match="found is a DataFrame"):
        lf.write_validation_page(pd.DataFrame(), tmp_path / "page.html")
