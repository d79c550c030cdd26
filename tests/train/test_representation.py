import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d

from lensfree_nb.errors import ParameterError
from lensfree_nb.quantify.channels import MEASURES
from lensfree_nb.quantify.reading import read
from lensfree_nb.quantify.representation import owners, representation
from lensfree_nb.train.recipe import read_recipe, recipe_names
from lensfree_nb.train.representation import Representation
from tests import seeds

SMALL = {
    "seed": seeds.CELLS, "validation_seed": seeds.NOISE, "field_px": 192, "patch_px": 96,
    "shelf_fields": 2, "bank_cells": 40, "validation_fields": 1, "draft": "accelerate",
    "device": "cpu",
}  # fmt: skip


def bumps(rng):
    """Flat round cells well apart, one on the border of a periodic field."""
    yy, xx = np.mgrid[:192, :192].astype(float)
    opd = rng.normal(0, 0.3, (192, 192))
    for y, x, high in ((0.0, 90.0, 90.0), (60.0, 60.0, 120.0), (120.0, 130.0, 60.0)):
        away = np.hypot((yy - y + 96) % 192 - 96, (xx - x + 96) % 192 - 96)
        opd += high * np.clip(1 - (away / 9) ** 2, 0, None)
    return opd.astype(np.float32)


def test_discs_say_what_the_pipeline_measures():
    task = Representation(**SMALL, metrics=["max_opd_nm", "area_um2"])
    drawn = (
        task._drawn(bumps(np.random.default_rng(seeds.NOISE)))
        * np.array([MEASURES.scale["max_opd_nm"], MEASURES.scale["area_um2"]])[:, None, None]
    )
    assert drawn.shape == (2, 192, 192)
    for (y, x), high in {(60, 60): 120, (120, 130): 60, (0, 90): 90, (191, 90): 90}.items():
        assert drawn[0, y, x] == pytest.approx(high, abs=4)
    # Three discs of 6 px, of 26 to 32 pixels each, wherever between pixels their centres lie.
    on = (drawn != 0).sum(axis=(1, 2))
    assert on[0] == on[1]
    assert 78 <= on[0] <= 96
    assert drawn[1].max() < np.pi * (9 * 1.67) ** 2 * 1.1


def test_fields_are_of_the_variety_that_a_recipe_asks_for():
    assert Representation(**SMALL).source(1).variety == "any"
    assert Representation(**SMALL, variety="paper").source(1).variety == "paper"
    with pytest.raises(ParameterError, match="variety"):
        Representation(**SMALL, variety="narrow")
    asked = {n: read_recipe(n).data.get("variety") for n in recipe_names() if "paper-" in n}
    assert asked
    assert set(asked.values()) == {"paper"}


def test_a_field_without_a_cell_has_no_disc():
    task = Representation(**SMALL)
    flat = np.random.default_rng(seeds.NOISE).normal(0, 1, (192, 192)).astype(np.float32)
    assert not task._drawn(flat).any()


def test_examples_and_scores():
    task = Representation(**SMALL, metrics=["dry_mass_pg", "area_um2"])
    (inputs, truth), *more = task.validation()
    assert not more
    assert inputs.shape == (4, 1, 96, 96)
    assert truth.shape == (4, 2, 96, 96)
    assert task.options()["outputs"] == 2
    assert float(task.loss(truth, truth)) == 0
    assert task.scores(1.1 * truth, truth)["area_um2_percent"] == pytest.approx(10, rel=1e-3)
    assert task.scores(torch.zeros_like(truth), truth)["loss"] > 0
    assert len(Representation(**SMALL, noise_nm=20.0).validation()) == 2


def test_of_four_fields_to_learn_from_one_is_reconstructed_and_all_say_what_the_pipeline_sees():
    task = Representation(**SMALL, metrics=["dry_mass_pg"])
    source = task.source(seeds.CELLS)
    reconstructed, true = (task.learned_pair(number) for number in (4, 5))
    for mine, asked in zip(reconstructed, task.pair(source, 4), strict=True):
        assert torch.equal(mine, asked)
    as_it_is = source.true_opd(5).opd_nm
    assert torch.allclose(100 * true[0][:, 0], as_it_is)
    whole = as_it_is.reshape(2, 2, 96, 96).transpose(1, 2).reshape(192, 192)
    said = source.cut(torch.from_numpy(task._drawn(whole.numpy()))).movedim(0, 1)
    assert said.any()
    assert torch.equal(true[1], said)


@pytest.mark.parametrize("wrong", [[], ["mass"]])
def test_metrics_are_those_of_the_table(wrong):
    with pytest.raises(ParameterError, match="metrics"):
        Representation(**SMALL, metrics=wrong)


def test_what_the_cells_measured_is_the_range_of_the_network():
    task = Representation(**SMALL, metrics=["max_opd_nm", "area_um2"])
    truth = torch.from_numpy(task._drawn(bumps(np.random.default_rng(seeds.NOISE))))[None]
    reach = task.learned(truth, truth)["trained_on"]["range"]
    low, high = reach["max_opd_nm"]
    assert low == pytest.approx(60 / 1.1, rel=0.1)
    assert high == pytest.approx(120 * 1.1, rel=0.1)
    assert set(reach) == {"max_opd_nm", "area_um2"}


def test_discs_are_weighed_so_that_what_is_drawn_wide_is_read_as_it_should_be():
    rng = np.random.default_rng(seeds.NOISE)
    points = np.stack(np.meshgrid(*[np.arange(32, 480, 32)] * 2, indexing="ij"), -1).reshape(-1, 2)
    truth = np.stack([
        representation(np.exp(rng.normal(0, 0.3, (len(points), 2))), owners(points, (512, 512)))
        for _ in range(2)
    ])  # fmt: skip
    task = Representation(**SMALL, metrics=["max_opd_nm", "area_um2"])
    right = torch.from_numpy(truth)
    # Some are drawn wider than others.
    wide = torch.cat([avg_pool2d(right[:1], 7, 1, 3), avg_pool2d(right[1:], 5, 1, 2)])
    said = task.learned(wide, right)
    assert set(said["disc_weights"]) == {"max_opd_nm", "area_um2"}
    options = {**task.options(), **said}
    for told, least, most in (({**options, "disc_weights": {}}, 0.1, 0.3), (options, 0, 0.005)):
        found = read(wide[0], told, said["least"])
        assert len(found.centres) == len(points)
        wanted = right[0][:, *found.centres.T] * torch.tensor([[100.0], [600.0]])
        off = (found.values / wanted - 1).abs().max()
        assert least < off < most
    # Cells that a border may cut, or too few of them, tell nothing.
    few = task.learned(wide[:, :, :80, :80], right[:, :, :80, :80])
    assert "disc_weights" not in few
