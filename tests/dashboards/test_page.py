import html.parser

import numpy as np
import pytest

from lensfree_nb.dashboards.page import write_page


class Page(html.parser.HTMLParser):
    """What a browser would find: tags, links, text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def result(reconstructed):
    rec = reconstructed.lf.segment()
    return rec, rec.lf.cells()


def test_the_page_holds_everything_and_fetches_nothing(result, holograms, cells_truth, tmp_path):
    rec, cells = result
    written = rec.lf.page(
        cells, tmp_path / "page.html", reference=cells_truth.assign(frame=0),
        reference_name="the simulated truth", holograms=holograms, title="Day 1",
    )  # fmt: skip
    page = Page(written.read_text())
    assert all(link.startswith("data:") for link in page.links)
    for words in (
        f"{len(cells)} cells in 1 frame", "cells/mm²", "640, 530, 450 nm", "1000 µm", "1.67 µm",
        "Against the simulated truth", "How to cite", "Allier", "iterations = 60", "Day 1",
    ):  # fmt: skip
        assert words in page.text, words
    whole = cells[~cells["edge"]]
    assert f"{whole['dry_mass_pg'].median():.1f}" in page.text
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_what_comes_from_data_is_escaped(result, tmp_path):
    rec, cells = result
    evil = "<script>alert(1)</script>"
    hostile = rec.assign_attrs(source_diameter_um=evil, provenance=f'[{{"verb": "{evil}"}}]')
    table = cells.assign(method=evil).rename(columns={"density_per_mm2": evil})
    written = write_page(hostile, table, tmp_path / "page.html", title=evil)
    assert "script" not in Page(written.read_text()).tags


def test_no_cells_and_unknown_frames_still_make_a_page(result, tmp_path):
    rec, cells = result
    unknown = rec.copy()
    unknown["opd"] = (rec["opd"] * np.nan).assign_attrs(rec["opd"].attrs)
    page = Page(write_page(unknown, cells.iloc[:0], tmp_path / "page.html").read_text())
    assert "0 cells" in page.text
