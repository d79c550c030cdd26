"""The task of sorting: its images, what is asked of a network, and what is refused."""

import dataclasses

import numpy as np
import pytest
import torch

from lensfree_nb.errors import ParameterError
from lensfree_nb.refocus.verdict import IN_FOCUS
from lensfree_nb.simulate.focus_stack import CONDITIONS
from lensfree_nb.simulate.objective import OBJECTIVES
from lensfree_nb.train.focus_images import OUT_OF_FOCUS, FocusSource, any_objective, distances
from lensfree_nb.train.recipe import read_recipe
from lensfree_nb.train.sorting import EDGES, Sorting, area_under_curve
from lensfree_nb.train.tasks import make_task
from tests import seeds

SEEDS = {"seed": seeds.CELLS, "validation_seed": seeds.NOISE}
SMALL = SEEDS | {"field_px": 64, "shelf_fields": 2, "validation_fields": 1, "planes": 2}


def test_the_depths_of_field_are_those_of_the_books():
    found = {name: one.depth_of_field_um for name, one in OBJECTIVES.items()}
    assert found["10x/0.30"] == pytest.approx(1.335 * 0.55 / 0.30**2)
    assert found["20x/0.45"] == pytest.approx(1.335 * 0.55 / 0.45**2)


@pytest.mark.parametrize("gap", [True, False])
def test_half_of_the_planes_are_in_focus(gap):
    away = distances(np.random.default_rng(seeds.STACK), 40, None, gap)
    assert (away <= 0.25).sum() == 20
    between = (away > 0.25) & (away < OUT_OF_FOCUS[0])
    assert between.any() == (not gap)
    assert away.max() <= OUT_OF_FOCUS[1]


def test_a_field_is_always_the_same_and_the_18_conditions_take_turns():
    source = FocusSource(seeds.CELLS, field_px=48, planes=2)
    images, away, truth = source.field(3)
    again, *_ = FocusSource(seeds.CELLS, field_px=48, planes=2).field(3)
    assert images.shape == (2, 1, 48, 48)
    assert away.shape == (2,)
    assert truth.shape == (1, 48, 48)
    assert torch.equal(images, again)
    assert not torch.equal(images, source.field(3 + len(CONDITIONS))[0])


def test_any_objective_is_one():
    rng = np.random.default_rng(seeds.LIGHT)
    for _ in range(50):
        one = any_objective(OBJECTIVES["10x/0.30"], rng)
        assert 0.3 < one.pixel_size_um * 2 * one.aperture / (one.wavelength_nm[0] * 1e-3) < 1.1
        assert one.plate[0] < one.illumination[0] < one.illumination[1] < one.plate[1]


def test_examples_are_whole_images_or_quarters_of_them():
    quarters, away = Sorting(**SMALL).batch(0, 5)
    assert quarters.shape == (5, 1, 32, 32)
    assert away.shape == (5, 1, 1, 1)
    whole = Sorting(**SMALL, side_px=40, graded=False)
    assert whole.batch(0, 3)[0].shape == (3, 1, 40, 40)
    assert whole.options()["outputs"] == 2
    assert [len(given) for given, _ in whole.validation()] == [2]


def test_what_is_told_of_a_validation():
    away = torch.tensor([0.1, 0.4, 0.6, 5.0])[:, None, None, None]
    task = Sorting(**SMALL)
    sure = torch.full((4, len(EDGES) + 1), -9.0)
    for row, grade in enumerate((0, 1, 2, 7)):
        sure[row, grade] = 9.0
    told = task.scores(sure, away)
    assert told["accuracy"] == told["auc"] == 1
    assert told["loss"] < 1e-3
    assert next(iter(told)) == "loss"
    assert task.scores(sure.flip(0), away)["accuracy"] == 0
    assert EDGES[task._in_focus() - 1] == IN_FOCUS
    # Logits that claim far too much are cooled until they are as often right as they say.
    rng = torch.Generator().manual_seed(seeds.NOISE)
    grades = torch.randint(0, 8, (4000,), generator=rng)
    logits = 3 * (torch.nn.functional.one_hot(grades, 8) + torch.randn(4000, 8, generator=rng))
    places = torch.tensor([0.1, 0.4, 0.6, 0.9, 1.2, 1.8, 2.5, 5.0])[grades][:, None, None, None]
    told = task.learned(logits, places)
    assert told["temperature"] == pytest.approx(3, rel=0.1)
    away = distances(np.random.default_rng(seeds.PIXELS), 4 * 20_000, None, gap=False)
    drawn = np.histogram(away, [0, *EDGES, 10])[0] / len(away)
    assert told["grade_shares"] == pytest.approx(drawn.tolist(), abs=0.005)
    assert sum(told["grade_shares"]) == pytest.approx(1, abs=1e-3)


def test_the_area_is_the_share_of_pairs_in_order():
    rng = np.random.default_rng(seeds.PIXELS)
    scores, positive = rng.integers(0, 20, 60) / 20, rng.random(60) < 0.4
    pairs = scores[positive][:, None] - scores[~positive]
    assert area_under_curve(scores, positive) == pytest.approx(
        ((pairs > 0) + 0.5 * (pairs == 0)).mean()
    )
    assert np.isnan(area_under_curve(scores, np.ones(60, bool)))


def test_recipes_of_sorters_build_and_what_cannot_be_is_refused():
    for name, outputs in (("focus", len(EDGES) + 1), ("sdcnn", 2)):
        recipe = read_recipe(name)
        simulated = dataclasses.replace(recipe, data=recipe.data | {"real_every": 0})
        assert make_task(simulated).options()["outputs"] == outputs
    wrong = (
        {"planes": 1}, {"microscopes": "hers"}, {"fit": "squeeze"}, {"side_px": 0},
        {"validation_seed": SEEDS["seed"]}, {"graded": "yes"}, {"reuse": 0},
    )  # fmt: skip
    for said in wrong:
        with pytest.raises(ParameterError):
            Sorting(**SMALL | said)
