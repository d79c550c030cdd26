"""What README tells a reader to type runs, on files as an instrument leaves them."""

import re
import runpy
from pathlib import Path

import make_figures
import numpy as np
import pandas as pd
import pytest
import tifffile

from lensfree_nb.simulate.acquisition import example

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"


def test_its_figures_are_those_of_the_committed_results():
    records = make_figures.committed()
    readme = README.read_text("utf-8")
    assert make_figures.with_figures(readme, records) == readme
    assert make_figures.figures_page(records) == (ROOT / "docs" / "figures.md").read_text("utf-8")


def test_the_block_under_use_runs(tmp_path, monkeypatch):
    block = re.search(r"## Use\n\n```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    (tmp_path / "use.py").write_text(block[1], encoding="utf-8")
    (tmp_path / "day1").mkdir()
    ds, truth = example(frames=2, size_px=256)
    for number, frame in enumerate(ds["hologram"].values):
        counts = np.clip(frame * 30_000, 0, 65_535).astype(np.uint16)
        name = f"well_2024-05-01T12-{number}0-00.tif"
        tifffile.imwrite(tmp_path / "day1" / name, counts, photometric="minisblack")
    monkeypatch.chdir(tmp_path)
    names = runpy.run_path("use.py")
    assert float(names["ds"]["distance"].compute()) == pytest.approx(1000, rel=0.02)
    cells = pd.read_parquet(tmp_path / "results" / "cells.parquet")
    assert cells["frame"].nunique() == 2
    assert 0.7 < len(cells) / len(truth) < 1.3
    assert cells["trusted"].all()
