"""Every optimiser learns, and goes on after a break as if there had been none."""

import dataclasses

import pytest
import torch
from torch import nn

from lensfree_nb.errors import ParameterError
from lensfree_nb.train.optimiser import optimiser_for, remembered, remind
from lensfree_nb.train.recipe import OPTIMISERS, Schedule
from tests import seeds
from tests.train.doubling import RECIPE, training

PLAN = Schedule(steps=40, batch=1, learning_rate=0.05)


def _steps(layer, optimiser, many):
    images = torch.linspace(-1, 1, 12).reshape(4, 3)
    for _ in range(many):
        optimiser.zero_grad()
        loss = (layer(images) - images.sum(1, keepdim=True)).square().mean()
        loss.backward()
        optimiser.step()
    return float(loss.detach())


@pytest.mark.parametrize("kind", OPTIMISERS)
def test_what_is_remembered_is_all_there_is(kind):
    torch.manual_seed(seeds.PIXELS)
    plan = dataclasses.replace(PLAN, optimiser=kind)
    through, broken = nn.Linear(3, 1), nn.Linear(3, 1)
    broken.load_state_dict(through.state_dict())
    one, other = (optimiser_for(layer.parameters(), plan) for layer in (through, broken))
    before = _steps(through, one, 1)
    assert _steps(through, one, 29) < 0.5 * before
    _steps(broken, other, 20)
    again = optimiser_for(broken.parameters(), plan)
    remind(again, {**remembered(other), "network": {"weight": torch.ones(1)}})
    _steps(broken, again, 10)
    assert torch.equal(broken.weight, through.weight)


@pytest.mark.parametrize("kind", OPTIMISERS)
@pytest.mark.usefixtures("doubling")
def test_a_training_goes_on_by_it(tmp_path, kind):
    plan = dataclasses.replace(RECIPE.schedule, optimiser=kind, learning_rate=0.002)
    recipe = dataclasses.replace(RECIPE, schedule=plan)
    whole = training(tmp_path, recipe)
    for _ in range(6):
        whole._advance()
    first = training(tmp_path, recipe)
    for _ in range(3):
        first._advance()
    first._keep()
    second = training(tmp_path, recipe)
    assert second.step == 3
    for _ in range(3):
        second._advance()
    for name, part in whole.network.state_dict().items():
        assert torch.equal(second.network.state_dict()[name], part)
    # What one optimiser remembers means nothing to another.
    others = [name for name in OPTIMISERS if name != kind]
    unlike = dataclasses.replace(recipe, schedule=dataclasses.replace(plan, optimiser=others[0]))
    with pytest.raises(ParameterError, match="another optimiser"):
        training(tmp_path, unlike)


def test_what_is_none_is_refused():
    with pytest.raises(ParameterError, match="optimiser is 'hers'"):
        Schedule(steps=1, batch=1, optimiser="hers")
    with pytest.raises(ParameterError, match="halve_every"):
        Schedule(steps=1, batch=1, halve_every=-1)
