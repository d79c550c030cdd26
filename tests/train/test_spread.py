"""Standard errors that are learned at the end, of fields never seen."""

import dataclasses

import pytest
import torch

from lensfree_nb.errors import ParameterError
from lensfree_nb.nets.folded import FoldedUNet
from lensfree_nb.quantify.channels import MEASURES
from lensfree_nb.train.change import Change
from lensfree_nb.train.measurement import ONE_SIGMA, measurement_scores
from lensfree_nb.train.measuring import UNSEEN, UNSEEN_STEP
from lensfree_nb.train.quantification import Quantification
from lensfree_nb.train.representation import Representation
from lensfree_nb.train.spread import Told, learn_spread, settle_spread, stretch, telling_spread
from tests import seeds
from tests.train.doubling import RECIPE, Double, training

TASK = Quantification(
    seeds.CELLS, seeds.NOISE, field_px=192, patch_px=96, shelf_fields=2, bank_cells=40,
    validation_fields=1, draft="accelerate", device="cpu",
)  # fmt: skip


@pytest.fixture(scope="module")
def claimed():
    """A network that claims hardly any error, before and after, and what it drew of a field."""
    torch.manual_seed(seeds.PIXELS)
    network = FoldedUNet(1, MEASURES.outputs, features=8, depth=2, fold=2, corrects=1)
    claims, trust = MEASURES.log_se, range(MEASURES.log_se[-1] + 1, MEASURES.on_discs)
    with torch.no_grad():
        for images, value in ((claims, -2.5), (trust, -30.0)):
            network.last.bias[images[0] * 4 : (images[-1] + 1) * 4] = value
    network.requires_grad_(False)
    before = {name: part.clone() for name, part in network.state_dict().items()}
    inputs, truth, _ = TASK.unseen(100)
    drawn = network(inputs)
    learn_spread(network, TASK, 30, lambda net, images: net(images), 0.05)
    return before, network, (drawn, network(inputs)), truth


def test_nothing_else_is_learned(claimed):
    before, network, (drawn, after), _ = claimed
    changed = [name for name, part in network.state_dict().items() if not part.equal(before[name])]
    assert sorted(changed) == ["last.bias", "last.weight"]
    others = [k for k in range(MEASURES.outputs) if k not in MEASURES.log_se]
    assert torch.equal(after[:, others], drawn[:, others])
    assert not any(part.requires_grad for part in network.parameters())


def test_claims_come_nearer_to_the_truth_on_a_field_that_was_not_learned_from(claimed):
    *_, (drawn, after), truth = claimed
    first, then = (measurement_scores(found, truth) for found in (drawn, after))
    for metric in MEASURES.metrics:
        inside = f"{metric}_inside_1_se"
        assert abs(then[inside] - ONE_SIGMA) < abs(first[inside] - ONE_SIGMA)


class Asked:
    """A task that says which of its fields it was asked by."""

    spread_images = (0,)

    def as_users_have_it(self, number):
        inputs, truths = (torch.full((2, 1), times * number) for times in (1.0, 10.0))
        return Told(inputs, truths, 0.1 * number)

    def unseen(self, number):
        raise AssertionError("nothing is to be learned")

    def spread_loss(self, found, truth):
        raise AssertionError("nothing is to be learned")

    def lacking(self, found, truth):
        return {}

    def stretched(self, found, truth, residual):
        return {"found": found.tolist(), "truth": truth.tolist(), "residual": residual}


def test_errors_are_stretched_by_fields_that_nothing_was_learned_from():
    asked = {"network": torch.nn.Identity(), "task": Asked(), "through": lambda net, x: net(x) + 1}
    assert settle_spread(steps=0, fields=0, **asked) == {}
    assert stretch(fields=range(5, 7), **asked) == {
        "found": [[6.0], [6.0], [7.0], [7.0]], "truth": [[50.0], [50.0], [60.0], [60.0]],
        "residual": [0.5, 0.5, 0.1 * 6, 0.1 * 6],
    }  # fmt: skip
    assert settle_spread(steps=0, fields=2, **asked)["found"] == [[1.0], [1.0], [2.0], [2.0]]


class Short(Asked):
    """A task whose networks lack a quarter of the second image that they draw."""

    def as_users_have_it(self, number):
        return Told(torch.ones(1, 1, 8, 8), torch.ones(1, 3, 8, 8), 0.1)

    def lacking(self, found, truth):
        return {1: 0.25}


def test_what_measurements_lack_is_added_by_the_last_layer():
    torch.manual_seed(seeds.PIXELS)
    network = FoldedUNet(1, 3, features=4, depth=1, fold=2).requires_grad_(False)
    network.last.weight.normal_()
    image = torch.rand(1, 1, 8, 8)
    seen, before = network(torch.ones(1, 1, 8, 8)), network(image)
    added = torch.tensor([0.0, 0.25, 0.0])[:, None, None]
    said = stretch(network, Short(), range(1), lambda net, inputs: net(inputs))
    torch.testing.assert_close(network(image), before + added)
    # Errors are stretched of what is then drawn.
    torch.testing.assert_close(torch.tensor(said["found"]), seen + added)


def test_fields_for_it_are_met_nowhere_else_and_the_same_each_time():
    source = TASK.source(TASK.seed)
    seen, again = TASK.unseen(3), TASK.unseen(3)
    for a, b in zip(seen[:2], again[:2], strict=True):
        assert torch.equal(a.nan_to_num(), b.nan_to_num())
    learned = [TASK.pair(source, number)[1].nan_to_num() for number in range(4)]
    assert not any(torch.equal(seen[1].nan_to_num(), truth) for truth in learned)
    assert 0 < seen.residual == again.residual
    bare = TASK.as_users_have_it(3)
    assert torch.equal(bare.truths.nan_to_num(), seen.truths.nan_to_num())
    worse = (seen.inputs - bare.inputs).flatten(1).std(1)
    assert bool((worse > 0.01).any())
    assert torch.equal(bare.inputs, TASK.told(TASK._sources[1], UNSEEN + 3 * UNSEEN_STEP).inputs)


def test_of_true_opd_users_have_none():
    task = Change(seeds.CELLS, seeds.NOISE, field_px=128, patch_px=128, shelf_fields=1)
    some = [(task.unseen(n).inputs, task.as_users_have_it(n).inputs) for n in range(2)]
    assert all(torch.equal(seen, used) for seen, used in some)


@pytest.mark.parametrize(
    "task",
    [Double(seeds.CELLS), Representation(seeds.CELLS, seeds.NOISE, draft="accelerate")],
)
def test_a_network_that_tells_no_errors_learns_none(task):
    with pytest.raises(ParameterError, match="tell standard errors"):
        telling_spread(task)


@pytest.mark.usefixtures("doubling")
def test_that_is_said_before_hours_of_training(tmp_path):
    for name in ("spread_steps", "spread_fields"):
        schedule = dataclasses.replace(RECIPE.schedule, **{name: 2})
        with pytest.raises(ParameterError, match=name):
            training(tmp_path, dataclasses.replace(RECIPE, schedule=schedule))
