"""The task of restoring: what is shown and wanted, and what is refused."""

import math

import pytest
import torch

from lensfree_nb.errors import ParameterError
from lensfree_nb.nets.registry import build_network
from lensfree_nb.refocus.restore import TOLD_IN
from lensfree_nb.train.recipe import read_recipe
from lensfree_nb.train.restoring import DATA_RANGE, Restoring
from lensfree_nb.train.tasks import make_task
from tests import seeds

SMALL = {
    "seed": seeds.CELLS, "validation_seed": seeds.NOISE, "field_px": 96, "patch_px": 48,
    "shelf_fields": 2, "validation_fields": 1,
}  # fmt: skip


def test_a_network_is_shown_an_image_and_how_far_it_is_from_the_focus():
    inputs, truth = Restoring(**SMALL).batch(0, 6)
    assert inputs.shape == (6, 2, 48, 48)
    assert truth.shape == (6, 1, 48, 48)
    told = inputs[:, 1].flatten(1)
    assert torch.equal(told.amin(1), told.amax(1))
    assert float(told.max()) < 3
    assert Restoring(**SMALL, conditioned=False).batch(0, 6)[0].shape == (6, 1, 48, 48)


def test_the_distance_told_is_off_also_in_focus_and_never_below_0():
    task = Restoring(**SMALL, sharp=4)
    fields = task._fields(seeds.CELLS, "train")
    away, told = [], []
    for number in range(3):
        inputs, _ = task.examples(fields, number)
        # Of each plane four patches.
        told.append(inputs[::4, 1, 0, 0] * TOLD_IN)
        away.append(fields.field(number).away)
    found, true = torch.cat(told), torch.cat(away)
    assert float(found.min()) >= 0
    # By a share alone it would be off by less than 0.1.
    assert 0.1 < float((found - true).std()) < 0.3


def test_the_patches_of_a_field_cover_it_and_what_is_in_focus_stays():
    (inputs, truth) = Restoring(**SMALL, sharp=4).validation()[0]
    assert len(inputs) == 4 * 4
    field = inputs[:4, 0].reshape(2, 2, 48, 48).movedim(1, 2).reshape(96, 96)
    # As a whole, and not each patch by itself.
    assert float(field.mean()) == pytest.approx(0, abs=1e-5)
    assert float(field.std(correction=0)) == pytest.approx(1, abs=1e-5)
    in_focus = (inputs[:, :1] - truth).std()
    far = Restoring(**SMALL, sharp=0).validation()[0]
    assert in_focus < 0.5 * (far[0][:, :1] - far[1]).std()


def test_images_come_from_any_distance():
    source = Restoring(**SMALL, sharp=0).source(seeds.CELLS)
    away = torch.cat([source.field(number).away for number in range(4)])
    assert 0.25 <= float(away.min()) < 0.75


def test_scores_of_a_known_difference():
    task = Restoring(**SMALL, loss_name="l1")
    truth = torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(seeds.NOISE))
    told = task.scores(truth + 0.09, truth)
    assert told["loss"] == pytest.approx(0.09, rel=1e-4)
    assert told["psnr_db"] == pytest.approx(20 * math.log10(DATA_RANGE / 0.09), rel=1e-4)
    assert 0.95 < told["ssim"] < 1
    assert next(iter(told)) == "loss"


def test_a_relative_loss_is_what_is_left_of_what_defocus_made_of_each_image():
    task = Restoring(**SMALL, relative=True, loss_name="ssim")
    inputs, truth = task.batch(0, 6)
    wanted, before = truth.split(1, 1)
    assert torch.equal(before, inputs[:, :1])
    assert float(task.loss(wanted, truth)) == pytest.approx(0, abs=1e-5)
    plain = Restoring(**SMALL, loss_name="ssim")
    each = [float(plain.loss(a[None], b[None])) for a, b in zip(before, wanted, strict=True)]
    left = [one / (one + 0.005) for one in each]
    assert float(task.loss(before, truth)) == pytest.approx(sum(left) / 6, rel=1e-4)
    assert task.scores(before, truth)["ssim"] == pytest.approx(1 - sum(each) / 6, rel=1e-4)


def test_recipes_build_at_the_sizes_of_the_paper():
    sizes = {"resunet": 32_427_685, "valid-unet": 31_031_911}
    for name, size in sizes.items():
        recipe = read_recipe(name)
        colour = build_network({**recipe.network, "inputs": 3, "outputs": 3}, "meta")
        assert sum(part.numel() for part in colour.parameters()) == size
        assert make_task(recipe).options()["inputs"] == 1
    ours = build_network(read_recipe("restore").network | {"inputs": 2, "outputs": 1}, "meta")
    assert sum(part.numel() for part in ours.parameters()) <= sizes["resunet"] / 4
    assert ours.halo_px > 0


def test_what_cannot_be_is_refused():
    wrong = (
        {"patch_px": 97}, {"sharp": 5}, {"sharp": -1}, {"loss_name": "l2"}, {"conditioned": 1},
        {"relative": 1},
        {"microscopes": "hers"}, {"validation_seed": SMALL["seed"]}, {"reuse": 0},
    )  # fmt: skip
    for said in wrong:
        with pytest.raises(ParameterError):
            Restoring(**SMALL | said)
