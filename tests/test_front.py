"""What a user meets first: import, names, the command line, the demo."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

import lensfree_nb as lf
from lensfree_nb.cli import app

HEAVY = ("torch", "holoviews", "distributed", "dask.distributed", "matplotlib", "skimage")


def test_import_is_light():
    code = "import sys, lensfree_nb; print([m for m in sys.argv[1:] if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code, *HEAVY], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", [n for n in lf.__all__ if n != "__version__"])
def test_every_public_name_is_there_and_documented(name):
    assert getattr(lf, name).__doc__
    assert name in dir(lf)


@pytest.mark.parametrize(
    "verb", [v for v in dir(lf.accessor.LensfreeAccessor) if not v.startswith("_")]
)
def test_every_verb_is_documented(verb):
    assert "See :func:`lensfree_nb." in getattr(lf.accessor.LensfreeAccessor, verb).__doc__


def test_versions():
    done = CliRunner().invoke(app, ["versions"])
    assert done.exit_code == 0
    assert "torch" in done.stdout


def test_demo_leaves_table_picture_and_page(tmp_path, monkeypatch):
    from lensfree_nb.simulate import acquisition

    full = acquisition.example
    monkeypatch.setattr(acquisition, "example", lambda: full(frames=1, size_px=224))
    done = CliRunner().invoke(app, ["demo", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "against the simulated truth" in done.output
    for name in ("cells.parquet", "cells.csv", "figure.png", "page.html"):
        assert (tmp_path / name).stat().st_size > 0
    page = (tmp_path / "page.html").read_text()
    assert "dry_mass_pg" in page
    assert 'src="http' not in page
    assert "href=" not in page
