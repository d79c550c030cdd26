import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import load_file

import lensfree_nb as lf
from lensfree_nb.errors import DataError, DimensionError, ParameterError
from lensfree_nb.nets.registry import build_network, find_model, read_card, save_network
from lensfree_nb.quantify.channels import MEASURES, METRICS, targets
from lensfree_nb.train.annotated import Annotated
from tests import seeds

OPTIONS = {
    "kind": "folded", "features": 8, "depth": 2, "inputs": 1, "outputs": MEASURES.outputs,
    "task": "quantify", "metrics": list(METRICS),
    "trained_on": {"pixel_size_um": 1.67, "range": {"area_um2": [100.0, 5000.0]}},
}  # fmt: skip


@pytest.fixture(scope="module")
def untaught(tmp_path_factory):
    torch.manual_seed(seeds.SHAPES)
    path = tmp_path_factory.mktemp("weights") / "untaught.safetensors"
    return save_network(build_network(OPTIONS), OPTIONS, path)


@pytest.fixture(scope="module")
def annotated():
    """Two frames of round cells as high as they are wide, 25 px apart."""
    rng = np.random.default_rng(seeds.CELLS)
    frames, rows = [], []
    yy, xx = np.mgrid[:160, :160].astype(float)
    for frame in range(2):
        opd = rng.normal(0, 1, (160, 160))
        for y in range(14, 160, 25):
            for x in range(14, 160, 25):
                radius = rng.uniform(5, 10)
                away = np.hypot(yy - y, xx - x)
                opd += 12 * radius * np.clip(1 - (away / radius) ** 2, 0, None)
                rows.append((frame, y * 1.67, x * 1.67, np.pi * (1.67 * radius) ** 2, 12 * radius))
        frames.append(opd)
    table = pd.DataFrame(rows, columns=["frame", "y_um", "x_um", "area_um2", "max_opd_nm"])
    return lf.from_opd(np.stack(frames), pixel_size_um=1.67), table


def test_a_network_learns_from_a_few_frames(annotated, untaught, tmp_path):
    ds, table = annotated
    said = []
    made = lf.fine_tune(
        ds, table, tmp_path / "mine.safetensors", network=untaught, steps=60, learning_rate=5e-3,
        device="cpu", say=said.append,
    )  # fmt: skip
    assert made == find_model(str(tmp_path / "mine.safetensors"))
    before, after = (
        Annotated(
            list(ds["opd"].values.astype(np.float32)),
            [targets(t[["y_um", "x_um"]].to_numpy() / 1.67,
                     t.reindex(columns=METRICS).to_numpy(), (160, 160))
             for _, t in table.groupby("frame")],
            spec.options,
        ).scores(*drawn_by(spec, ds, table))
        for spec in (untaught, made)
    )  # fmt: skip
    assert after["detection"] < 0.5 * before["detection"]
    assert after["area_um2_percent"] < before["area_um2_percent"]
    card = read_card(made.name)
    assert card["training"]["started_from"] == untaught.sha256
    assert card["data"]["cells"] == len(table)
    assert "mine" in said[0]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine.json", "mine.safetensors"]


def drawn_by(spec, ds, table):
    from lensfree_nb.run.networks import apply_network

    found, truth = [], []
    for number, opd in enumerate(ds["opd"].values):
        image = torch.tensor(opd / 100, dtype=torch.float32)[None]
        found.append(apply_network(spec, image, precision="float32"))
        mine = table[table["frame"] == number]
        truth.append(
            torch.from_numpy(
                targets(
                    mine[["y_um", "x_um"]].to_numpy() / 1.67,
                    mine.reindex(columns=METRICS).to_numpy(), (160, 160),
                )
            )
        )  # fmt: skip
    return torch.stack(found), torch.stack(truth)


def test_what_does_worse_than_before_is_not_kept(annotated, untaught, tmp_path):
    ds, table = annotated
    made = lf.fine_tune(
        ds, table, tmp_path / "same.safetensors", network=untaught, steps=1, learning_rate=1e3,
        device="cpu", say=lambda line: None,
    )  # fmt: skip
    before, after = read_card(made.name)["training"]["validation_curve"]
    assert before["step"] == 0
    assert after["error"] > before["error"]
    kept, first = (load_file(spec.name) for spec in (made, untaught))
    assert all(np.array_equal(kept[name], first[name]) for name in first)


def test_frames_of_other_pixels_are_those_it_then_knows(annotated, untaught, tmp_path):
    ds, table = annotated
    places = table[["y_um", "x_um"]] * 2
    made = lf.fine_tune(
        lf.from_opd(ds["opd"].values, pixel_size_um=3.34).assign_coords(wavelength=[532.0]),
        table.assign(**places, area_um2=table["area_um2"] * 4), tmp_path / "wide.safetensors",
        network=untaught, steps=1, device="cpu", say=lambda line: None,
    )  # fmt: skip
    assert made.options["trained_on"]["pixel_size_um"] == 3.34
    assert made.options["trained_on"]["wavelength_nm"] == [532.0]
    assert made.options["trained_on"]["range"]["area_um2"] == [100.0, 5000.0]


def test_masses_are_those_of_the_increment_that_they_were_given_by(annotated, untaught, tmp_path):
    ds, table = annotated
    reach = [
        lf.fine_tune(
            ds, table.assign(dry_mass_pg=30.0 / alpha), tmp_path / "mass.safetensors",
            network=untaught, steps=1, device="cpu", say=lambda line: None, alpha_um3_per_pg=alpha,
        ).options["trained_on"]["range"]["dry_mass_pg"]
        for alpha in (0.18, 0.24)
    ]  # fmt: skip
    assert reach[0] == pytest.approx(reach[1])


def test_a_metric_that_nobody_annotated_gets_no_range(annotated, untaught, tmp_path):
    ds, table = annotated
    made = lf.fine_tune(
        ds, table.drop(columns="max_opd_nm"), tmp_path / "area.safetensors", network=untaught,
        steps=2, device="cpu", say=lambda line: None,
    )  # fmt: skip
    reach = made.options["trained_on"]["range"]
    assert set(reach) == {"area_um2"}
    assert reach["area_um2"] == [100.0, 5000.0]


def test_what_cannot_be_learned_from(annotated, untaught, tmp_path):
    ds, table = annotated
    path = tmp_path / "never.safetensors"
    with pytest.raises(DataError, match="there are 5 cells"):
        lf.fine_tune(ds, table.iloc[:5], path, network=untaught)
    with pytest.raises(DataError, match="last quarter"):
        lf.fine_tune(ds, table[table["y_um"] < 150], path, network=untaught)
    with pytest.raises(DataError, match="not above 0"):
        lf.fine_tune(ds, table.assign(area_um2=0.0), path, network=untaught)
    with pytest.raises(DataError, match="or infinite"):
        lf.fine_tune(ds, table.assign(area_um2=np.inf), path, network=untaught)
    with pytest.raises(DataError, match="lie in none of the 2 frames"):
        lf.fine_tune(ds, table.assign(frame=table["frame"] + 1), path, network=untaught)
    with pytest.raises(DataError, match="no numbers"):
        lf.fine_tune(ds, table.assign(area_um2="large"), path, network=untaught)
    with pytest.raises(DimensionError, match="give a table"):
        lf.fine_tune(ds, "cells.csv", path, network=untaught)
    with pytest.raises(ParameterError, match="alpha_um3_per_pg"):
        lf.fine_tune(ds, table, path, network=untaught, alpha_um3_per_pg=0)
    with pytest.raises(ParameterError, match="is for reconstruct; needed is one for quantify"):
        lf.fine_tune(ds, table, path, network="accelerate")
    with pytest.raises(ParameterError, match="must be a file that ends"):
        lf.fine_tune(ds, table, tmp_path / "never.pt", network=untaught)
    with pytest.raises(DimensionError, match="no column y_um"):
        lf.fine_tune(ds, table.drop(columns="y_um"), path, network=untaught)
    with pytest.raises(DataError, match="no finite numbers"):
        lf.fine_tune(ds, table.assign(x_um=np.nan), path, network=untaught)
    with pytest.raises(DimensionError, match="2 frames"):
        lf.fine_tune(ds, table.drop(columns="frame"), path, network=untaught)
    blank = ds.copy(deep=True)
    blank["opd"][1] = np.nan
    with pytest.raises(DataError, match="frame 1"):
        lf.fine_tune(blank, table, path, network=untaught)
    assert not list(tmp_path.iterdir())


def test_frames_go_by_their_times_where_these_are_told(annotated, untaught, tmp_path):
    ds, table = annotated
    times = pd.to_datetime(["2026-01-01T00:00", "2026-01-01T00:10"])
    timed = ds.assign_coords(time=times)
    later = table.assign(time=times[table["frame"]], frame=table["frame"] + 7)
    made, alike = (
        lf.fine_tune(data, cells, tmp_path / f"{name}.safetensors", network=untaught, steps=2,
                     device="cpu", say=lambda line: None)
        for name, data, cells in (("timed", timed, later), ("numbered", ds, table))
    )  # fmt: skip
    scores = [read_card(spec.name)["training"]["validation"]["error"] for spec in (made, alike)]
    assert scores[0] == scores[1]


def test_places_alone_can_be_learned_from_and_stretch_no_error(annotated, untaught, tmp_path):
    ds, table = annotated
    known = save_network(
        build_network(OPTIONS), {**OPTIONS, "se_factor": {"area_um2": 1.5}},
        tmp_path / "known.safetensors",
    )  # fmt: skip
    places = table[["frame", "y_um", "x_um"]]
    made = lf.fine_tune(
        ds, places, tmp_path / "places.safetensors", network=known, steps=2, device="cpu",
        say=lambda line: None,
    )  # fmt: skip
    assert made.options["se_factor"] == {"area_um2": 1.5}


def test_cells_that_a_border_may_cut_are_neither_learned_nor_held_against(annotated):
    ds, table = annotated
    first = table[table["frame"] == 0]
    values = first.reindex(columns=METRICS).to_numpy()
    drawn = targets(first[["y_um", "x_um"]].to_numpy() / 1.67, values, (160, 160))
    task = Annotated([ds["opd"].values[0].astype(np.float32)], [drawn], OPTIONS, patch_px=120)
    held_back = task.validation()[0][1]
    assert held_back.shape[-2:] == (40, 160)
    for truth, rim in ((task.batch(0, 4)[1], 20), (held_back, 10)):
        known = truth[:, 1].isfinite()
        assert known.any()
        for along in (1, 2):
            side = known.shape[along]
            assert not known.narrow(along, 0, rim).any()
            assert not known.narrow(along, side - rim, rim).any()
        # Where cells are is known up to the border.
        assert truth[:, 0].isfinite().all()


def test_errors_of_what_was_not_told_grow_as_before(annotated, tmp_path):
    ds, table = annotated
    power = dict.fromkeys(METRICS, 0.5)
    grows = {"residual": {"range": [0.1, 0.4], "typical": 0.2, "power": power}}
    options = {**OPTIONS, "se_factor": dict.fromkeys(METRICS, 1.5), "se_grows": grows}
    known = save_network(build_network(options), options, tmp_path / "known.safetensors")
    none = table[["frame", "y_um", "x_um"]]
    made = lf.fine_tune(
        ds, none, tmp_path / "places.safetensors", network=known, steps=2, device="cpu",
        say=lambda line: None,
    )  # fmt: skip
    assert made.options["se_factor"] == options["se_factor"]
    assert made.options["se_grows"] == grows


def test_a_folder_is_no_weight_file(annotated, untaught, tmp_path):
    ds, table = annotated
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(ParameterError, match="must be a file"):
        lf.fine_tune(ds, table, tmp_path / "folder.safetensors", network=untaught)


def test_frames_of_the_same_time_are_told(annotated, untaught, tmp_path):
    ds, table = annotated
    same = pd.to_datetime(["2026-01-01", "2026-01-01"])
    cells = table.assign(time=same[0])
    with pytest.raises(DataError, match="same time"):
        lf.fine_tune(
            ds.assign_coords(time=same), cells, tmp_path / "x.safetensors", network=untaught
        )
