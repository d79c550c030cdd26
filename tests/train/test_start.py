"""What may begin from which weights, and what it draws before its first step."""

import dataclasses

import pytest
import torch

from lensfree_nb.contract import METRIC_UNITS
from lensfree_nb.errors import ParameterError
from lensfree_nb.nets.registry import build_network, find_model, load_network, read_card
from lensfree_nb.quantify.channels import MEASURES, METRICS
from lensfree_nb.train.loop import Training
from lensfree_nb.train.recipe import Recipe, Schedule
from lensfree_nb.train.start import weights_for
from tests import seeds
from tests.quantify.networks import rough_network
from tests.train.doubling import RECIPE, training, weights

pytestmark = pytest.mark.usefixtures("doubling")
DISCS = {
    "seed": seeds.CELLS, "validation_seed": seeds.NOISE, "field_px": 192, "patch_px": 96,
    "shelf_fields": 2, "bank_cells": 40, "validation_fields": 1, "draft": "accelerate",
}  # fmt: skip


def test_other_weights_are_a_start(tmp_path):
    run = training(tmp_path)
    run.run()
    spec = find_model(run.export(tmp_path))
    for folder in ("next", "wider"):
        (tmp_path / folder).mkdir()
    again = training(tmp_path / "next")
    again.start_from(spec)
    assert torch.equal(weights(again), weights(run))
    again.run()
    # Also after it was left and taken up.
    made = training(tmp_path / "next").export(tmp_path / "next")
    later, first = (read_card(name)["training"] for name in (made, spec.name))
    assert later["started_from"] == spec.sha256
    assert later["command"].endswith(" --start WEIGHTS")
    assert first["started_from"] is None
    assert "--start" not in first["command"]
    wider = dataclasses.replace(RECIPE, network={"kind": "unet", "features": 5, "depth": 2})
    folded = dataclasses.replace(RECIPE, network={"kind": "folded", "features": 8, "fold": 2})
    with pytest.raises(ParameterError, match="fold unset there and 2 here"):
        training(tmp_path / "folded", folded).start_from(spec)
    with pytest.raises(ParameterError, match=r"^double cannot start .* 8 there and 5 here"):
        training(tmp_path / "wider", wider).start_from(spec)


def test_what_a_network_is_shown_besides_begins_unheard(tmp_path):
    blind = {"kind": "folded", "features": 8, "depth": 2, "fold": 2, "maxima": 0}
    run = training(tmp_path, dataclasses.replace(RECIPE, network=blind))
    run.run()
    spec = find_model(run.export(tmp_path))
    (tmp_path / "shown").mkdir()
    shown = dataclasses.replace(RECIPE, network={**blind, "maxima": 3})
    again = training(tmp_path / "shown", shown)
    before = weights(again)
    again.start_from(spec)
    images = torch.rand(1, 1, 21, 34)
    with torch.no_grad():
        torch.testing.assert_close(again.network(images), run.best(images))
    started = weights(again)
    assert len(started) > len(weights(run))
    assert not torch.equal(started, before)
    again.run()
    heard = again.network.last.weight[:, 8:]
    assert heard.abs().amax((0, 2, 3)).min() > 0
    (tmp_path / "blind").mkdir()
    with pytest.raises(ParameterError, match="maxima 3 there and 0 here"):
        training(tmp_path / "blind", dataclasses.replace(RECIPE, network=blind)).start_from(
            find_model(again.export(tmp_path / "shown"))
        )


def test_a_network_that_knew_one_cell_a_pixel_is_a_start_for_one_of_two(tmp_path):
    channels = dataclasses.replace(MEASURES, layers=1)
    built = {"kind": "folded", "features": 4, "depth": 2, "fold": 2, "corrects": 1, "inputs": 1}
    knew = {"task": "quantify", "metrics": list(METRICS), "outputs": channels.outputs}
    spec = rough_network(tmp_path / "one.safetensors", {**built, **knew})
    options = {**built, **knew, "outputs": MEASURES.outputs}
    network = build_network(options)
    network.load_state_dict(weights_for("two", network, options, spec, ["outputs"]))
    images = torch.rand(1, 1, 40, 44, generator=torch.Generator().manual_seed(seeds.PIXELS))
    with torch.no_grad():
        before, after = load_network(spec, "cpu").eval()(images), network.eval()(images)
    torch.testing.assert_close(after[:, : MEASURES.on_discs], before[:, : MEASURES.on_discs])
    torch.testing.assert_close(after[:, -4:], before[:, -4:])
    assert bool((after[:, MEASURES.on_discs : -4] == 0).all())


@pytest.mark.parametrize("drawn", [1, 2])
def test_a_network_that_corrects_the_whole_is_a_start_for_one_of_octaves(tmp_path, drawn):
    sizes = {"features": 4, "depth": 2, "fold": 2, "inputs": drawn + 1, "outputs": drawn}
    whole = {"kind": "folded", "corrects": drawn, "task": "restore", **sizes}
    spec = rough_network(tmp_path / "whole.safetensors", whole)
    # How many octaves may be left to the network.
    options = {"kind": "octaves", "task": "restore", **sizes} | (
        {"octaves": 3} if drawn > 1 else {}
    )
    network = build_network(options)
    network.load_state_dict(weights_for("octaves", network, options, spec, options))
    images = torch.rand(1, drawn + 1, 40, 44, generator=torch.Generator().manual_seed(seeds.PIXELS))
    with torch.no_grad():
        before, after = load_network(spec, "cpu").eval()(images), network.eval()(images)
    assert float((before - images[:, :drawn]).abs().max()) > 0.1
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("other", [{"corrects": 0}, {"saturating": 1}, {"features": 5}])
def test_no_other_is_a_start_for_one_of_octaves(tmp_path, other):
    sizes = {"features": 4, "depth": 2, "fold": 2, "inputs": 2, "outputs": 1}
    spec = rough_network(
        tmp_path / "other.safetensors",
        {"kind": "folded", "corrects": 1, "task": "restore", **sizes, **other},
    )
    options = {"kind": "octaves", "octaves": 3, "task": "restore", **sizes}
    with pytest.raises(ParameterError, match="kind folded there and octaves here"):
        weights_for("octaves", build_network(options), options, spec, options)


def recipe(metrics):
    return Recipe(
        name="discs", purpose="To start from.", task="represent",
        network={"kind": "plain", "features": 4, "layers": 3},
        data={**DISCS, "metrics": metrics},
        schedule=Schedule(steps=1, batch=1, warmup=1),
    )  # fmt: skip


def test_a_network_of_some_metrics_starts_from_one_of_all(tmp_path):
    every = Training(recipe(list(METRIC_UNITS)), tmp_path / "every.safetensors", "cpu", print)
    every.run()
    spec = find_model(every.export(tmp_path))
    some = ["major_axis_um", "area_um2"]
    later = Training(recipe(some), tmp_path / "some.safetensors", "cpu", print)
    later.start_from(spec)
    images = torch.rand(1, 1, 40, 40, generator=torch.Generator().manual_seed(seeds.PIXELS))
    rows = [list(METRIC_UNITS).index(metric) for metric in some]
    with torch.no_grad():
        found, whole = (run.best.eval()(images) for run in (later, every))
    torch.testing.assert_close(found, whole[:, rows])
    with pytest.raises(ParameterError, match="outputs 2 there and 4 here"):
        Training(recipe(list(METRIC_UNITS)), tmp_path / "new.safetensors", "cpu", print).start_from(
            find_model(later.export(tmp_path))
        )
