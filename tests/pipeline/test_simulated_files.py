import json

import numpy as np
import pandas as pd
import pytest
import tifffile
import xarray as xr

import lensfree_nb as lf
from lensfree_nb.simulate.instrument import PRESETS

SETUP = {"pixel_size_um": 1.67, "background": None, "dead": None}


@pytest.mark.parametrize("kind", ["tiff", "zarr"])
def test_the_command_writes_holograms_and_truth(kind, tmp_path):
    from typer.testing import CliRunner

    from lensfree_nb.cli import app

    options = {"frames": 2, "height": 64, "width": 72, "density": 300, "preset": "paper"}
    words = [w for name, value in options.items() for w in (f"--{name}", str(value))]
    done = CliRunner().invoke(app, ["simulate", "--out", str(tmp_path), "--format", kind, *words])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "truth_cells.parquet").exists()
    if kind == "tiff":
        assert len(list((tmp_path / "holograms").iterdir())) == 6
        assert len(list((tmp_path / "truth").iterdir())) == 6
        ds = lf.open_acquisition(tmp_path / "holograms", **SETUP)
        assert ds.sizes == {"time": 2, "wavelength": 3, "y": 64, "x": 72}
    else:
        ds = lf.open_acquisition(tmp_path / "holograms.zarr", background=None, dead=None)
        assert "truth_opd" in xr.open_zarr(tmp_path / "holograms.zarr")
    assert float(ds["hologram"].mean()) == pytest.approx(2048, rel=0.05)


def command(*words):
    from typer.testing import CliRunner

    from lensfree_nb.cli import app

    return CliRunner().invoke(app, ["simulate", *map(str, words)])


SMALL = ("--frames", 1, "--height", 96, "--width", 100, "--density", 300)


def test_what_the_command_says_of_its_instrument_opens_its_files(tmp_path):
    done = command("--out", tmp_path / "run", *SMALL)
    assert "instrument.json" in done.output
    told = json.loads((tmp_path / "run/instrument.json").read_text())
    ds = lf.open_acquisition(tmp_path / "run/holograms", **told, background="frame", dead=None)
    paper = PRESETS["paper"]
    counts = np.stack(
        [tifffile.imread(path) for path in sorted((tmp_path / "run/holograms").iterdir())]
    )
    ends = int((counts >= paper.camera.full_scale).sum())
    assert ends > 0
    assert int(np.isnan(ds["hologram"]).sum()) == ends
    assert told["dark"] == paper.camera.offset
    assert ds.attrs["bandwidth_nm"] == paper.setup.bandwidth_nm
    assert float(ds["distance"].max()) == 1000.0
    labels = tifffile.imread(next((tmp_path / "run/truth").glob("*_labels.ome.tif")))
    cells = pd.read_parquet(tmp_path / "run/truth_cells.parquet")
    assert 0 < labels.max() <= len(cells)


def test_a_second_run_does_not_mix_with_the_first(tmp_path):
    (tmp_path / "kept.txt").write_text("mine")
    done = command("--out", tmp_path, *SMALL)
    assert done.exit_code == 2
    assert "not empty" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]


def test_presets_of_the_command_are_those_of_the_package(tmp_path):
    from lensfree_nb.cli import Preset

    assert {preset.value for preset in Preset} == set(PRESETS)
    done = command("--out", tmp_path / "run", "--preset", "perfect")
    assert done.exit_code == 2
    assert "Traceback" not in done.output
