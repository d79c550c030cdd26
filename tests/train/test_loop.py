import dataclasses
import json
import math

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from lensfree_nb.errors import ExecutionError, ModelError, ParameterError
from lensfree_nb.nets.registry import find_model, load_network, read_card
from lensfree_nb.train.loop import Training
from tests import seeds
from tests.train.doubling import RECIPE, SCHEDULE, Double, training, weights

pytestmark = pytest.mark.usefixtures("doubling")


def test_it_learns_and_tells(tmp_path):
    said = []
    run = Training(RECIPE, tmp_path / "c.safetensors", "cpu", said.append)
    run.run()
    assert run.finished
    assert [row["step"] for row in run.history] == [40, 80, 120, 160]
    assert run.history[-1]["error"] < 0.2 * run.history[0]["error"]
    assert len(said) == 4
    assert "double: step 40" in said[0]


def test_what_is_left_and_taken_up_ends_the_same(tmp_path):
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    whole = training(tmp_path / "whole")
    whole.run()
    for stop in (7, 40, 123, 160):
        part = training(tmp_path / "parts")
        while part.step < stop:
            part._advance()
            if part.step % SCHEDULE.validate_every == 0:
                part._validate(0.0)
        part._keep()
    again = training(tmp_path / "parts")
    assert again.finished
    assert torch.equal(weights(again), weights(whole))
    assert [r["error"] for r in again.history] == [r["error"] for r in whole.history]


def test_time_runs_out_and_nothing_is_lost(tmp_path):
    run = training(tmp_path)
    run.run(minutes=0)
    assert run.step == 0
    assert run.checkpoint.is_file()
    with pytest.raises(ParameterError, match="not validated yet"):
        run.export(tmp_path)


def test_an_interrupt_costs_nothing(tmp_path, monkeypatch):
    whole = training(tmp_path / "whole")
    (tmp_path / "whole").mkdir()
    whole.run()

    def interrupted(self, step, size):
        if step == 50:
            raise KeyboardInterrupt
        return examples(self, step, size)

    examples = Double.batch
    monkeypatch.setattr(Double, "batch", interrupted)
    said = []
    with pytest.raises(KeyboardInterrupt):
        training(tmp_path, said=said).run()
    assert "kept at step 50" in said[-1]
    monkeypatch.setattr(Double, "batch", examples)
    again = training(tmp_path)
    assert again.step == 50
    again.run()
    for a, b in zip(whole.best.parameters(), again.best.parameters(), strict=True):
        assert torch.equal(a, b)


def test_every_validation_is_kept(tmp_path, monkeypatch):
    one = training(tmp_path)
    monkeypatch.setattr(one, "_follow", lambda: None)

    def dead(step, size):
        if step == 41:
            raise MemoryError
        return Double.batch(one._task, step, size)

    monkeypatch.setattr(one._task, "batch", dead)
    with pytest.raises(MemoryError):
        one.run()
    assert training(tmp_path).step == 40


def test_a_score_that_is_no_number_is_never_the_best(tmp_path, monkeypatch):
    worth = iter([math.nan, 1.0, 2.0, math.nan])
    one = training(tmp_path)
    monkeypatch.setattr(one._task, "scores", lambda found, truth: {"error": next(worth)})
    one.run()
    card = json.loads(one.export(tmp_path).with_suffix(".json").read_text())
    assert card["training"]["validation"]["error"] == 1.0
    assert [h["error"] for h in card["training"]["validation_curve"]] == [None, 1.0, 2.0, None]


def test_weights_that_no_validation_could_score_are_not_shipped(tmp_path):
    one = training(
        tmp_path, dataclasses.replace(RECIPE, data={"seed": seeds.CELLS, "worth": math.nan})
    )
    one.run()
    with pytest.raises(ExecutionError, match="no validation gave a number"):
        one.export(tmp_path)
    assert not (tmp_path / "double.safetensors").exists()


def test_it_stops_where_nothing_is_gained(tmp_path):
    schedule = dataclasses.replace(SCHEDULE, steps=1600, patience=2)
    recipe = dataclasses.replace(
        RECIPE, data={"seed": seeds.CELLS, "worth": 0.0}, schedule=schedule
    )
    run = training(tmp_path, recipe)
    run.run()
    assert run.step == 120


def test_what_diverges_is_told_and_costs_nothing_that_was_kept(tmp_path):
    calm = training(tmp_path, dataclasses.replace(RECIPE, schedule=dataclasses.replace(
        SCHEDULE, steps=10)))  # fmt: skip
    calm.run()
    kept = calm.checkpoint.read_bytes()
    fast = dataclasses.replace(SCHEDULE, learning_rate=1e15, clip=1e30)
    wild = training(tmp_path, dataclasses.replace(RECIPE, schedule=fast))
    with pytest.raises(ExecutionError, match=r"double diverged: .*Lower learning_rate"):
        wild.run()
    assert wild.checkpoint.read_bytes() == kept


def test_weights_and_card_come_out(tmp_path):
    run = training(tmp_path)
    run.run()
    spec = find_model(run.export(tmp_path))
    images = torch.rand(1, 1, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(load_network(spec, "cpu")(images), run.best(images))
    card = read_card(spec.name)
    assert card["sha256"] == spec.sha256
    assert card["training"]["validation"]["error"] == min(r["error"] for r in run.history)
    assert card["training"]["validation_curve"] == run.history


def test_a_damaged_checkpoint_is_told(tmp_path):
    run = training(tmp_path)
    run.run(minutes=0)
    run.checkpoint.write_bytes(run.checkpoint.read_bytes()[:-50])
    with pytest.raises(ModelError, match="no checkpoint"):
        training(tmp_path)


def test_a_checkpoint_without_all_its_weights_is_told(tmp_path):
    run = training(tmp_path)
    run.run(minutes=0)
    with safe_open(run.checkpoint, framework="pt") as file:
        said = file.metadata()
        kept = {n: file.get_tensor(n) for n in file.keys() if not n.startswith("average/")}  # noqa: SIM118
    save_file(kept, run.checkpoint, said)
    with pytest.raises(ModelError, match="no average"):
        training(tmp_path)


@pytest.mark.parametrize("said", ["{}", "3", "no JSON"])
def test_a_checkpoint_that_says_nothing_is_told(tmp_path, said):
    run = training(tmp_path)
    save_file({"network/x": torch.zeros(1)}, run.checkpoint, {"said": said})
    with pytest.raises(ModelError, match="no checkpoint"):
        training(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"network": {"kind": "unet", "features": 5, "depth": 2}}, "another network"),
        ({"data": {"seed": seeds.NOISE}}, "another data"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(tmp_path, change, words):
    training(tmp_path).run(minutes=0)
    with pytest.raises(ParameterError, match=words):
        training(tmp_path, dataclasses.replace(RECIPE, **change))


def test_a_checkpoint_that_learned_from_another_draft_is_refused(tmp_path, monkeypatch):
    training(tmp_path).run(minutes=0)
    monkeypatch.setattr(
        Double, "options", lambda self: {"inputs": 1, "outputs": 1, "task": "double", "draft": "b"}
    )
    with pytest.raises(ParameterError, match="another draft"):
        training(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"task": "nothing"}, "task is 'nothing'"), ({"data": {"seed": 1, "odd": 2}}, "odd")],
)
def test_a_recipe_for_nothing_is_refused(tmp_path, change, words):
    with pytest.raises(ParameterError, match=words):
        training(tmp_path, dataclasses.replace(RECIPE, **change))
