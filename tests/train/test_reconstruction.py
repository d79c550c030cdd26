import dataclasses

import pytest
import torch

from lensfree_nb.errors import ParameterError
from lensfree_nb.train.reconstruction import Reconstruction
from tests import seeds

SMALL = Reconstruction(
    seeds.CELLS, seeds.NOISE, field_px=128, patch_px=64, iterations=3, shelf_fields=3,
    bank_cells=30, validation_fields=1, device="cpu",
)  # fmt: skip


def small(**changes):
    return dataclasses.replace(SMALL, **changes)


@pytest.mark.parametrize(("channels", "count"), [("fields", 8), ("estimate", 2)])
def test_examples_are_what_a_network_is_shown_and_the_truth(channels, count):
    task = small(channels=channels)
    inputs, truth = task.batch(0, 5)
    assert inputs.shape == (5, count, 64, 64)
    assert truth.shape == (5, 2, 64, 64)
    assert task.options()["inputs"] == count
    assert inputs.dtype == truth.dtype == torch.float32


def test_a_step_has_its_examples_whatever_came_before():
    through, jumped = small(), small()
    for step in range(9):
        last = through.batch(step, 4)
    for step in (8, 2, 8):
        again = jumped.batch(step, 4)
    assert all(torch.equal(a, b) for a, b in zip(again, last, strict=True))
    assert not torch.equal(through.batch(0, 4)[0], last[0])


def test_fields_leave_the_shelf_when_they_were_used():
    task = small(reuse=2.0)
    task.batch(0, 8)
    held = task._shelf._held
    first = held[0][0]
    assert any(field[0] is first for field in held)
    # 4 patches a field, twice each: a batch of 8 uses up one field a step.
    task.batch(3, 8)
    assert not any(field[0] is first for field in held)
    assert len(held) == 3


def test_the_truth_scores_perfectly_and_an_empty_answer_does_not():
    task = small()
    [(inputs, truth)] = task.validation()
    perfect, empty = task.scores(truth, truth), task.scores(torch.zeros_like(truth), truth)
    assert perfect["rmse_nm"] == 0
    assert perfect["faint_slope"] == pytest.approx(1)
    assert empty["rmse_nm"] > 5
    assert empty["faint_slope"] == 0
    assert float(task.loss(truth, truth)) == 0
    assert float(task.loss(inputs[:, :2], truth)) > 0


def test_a_draft_makes_a_task_of_two_passes():
    drafted = small(draft="accelerate")
    assert (small().options()["passes"], drafted.options()["passes"]) == (1, 2)
    first, second = drafted.validation()
    # A field and its neighbour, the one from an inversion, the other from a network's answer.
    assert not torch.equal(first[1], second[1])
    before, after = (float((i[:, 0] - t[:, 0]).square().mean()) for i, t in (first, second))
    assert after < before


def test_unknown_channels_are_refused():
    with pytest.raises(ParameterError, match="use one of estimate, fields"):
        small(channels="colours")
