import numpy as np
import pytest
import torch

from lensfree_nb.quantify.channels import CHANGES
from lensfree_nb.quantify.gathering import gathered
from lensfree_nb.train.change import Change, moments
from tests import seeds
from tests.train.drawings import true_centres, true_discs

SMALL = Change(
    seeds.CELLS, seeds.NOISE, field_px=192, patch_px=96, shelf_fields=2, validation_fields=1,
    device="cpu",
)  # fmt: skip


def test_the_same_cells_twice():
    now, later = moments((160, 160), np.random.default_rng(seeds.CELLS))
    assert (now["kind"] == later["kind"]).all()
    steps = later[["y_um", "x_um"]].to_numpy() - now[["y_um", "x_um"]].to_numpy()
    assert 0.1 < np.median(np.hypot(*steps.T)) < 20
    assert (later["dry_mass_pg"] / now["dry_mass_pg"]).between(0.5, 2).mean() > 0.9
    again, _ = moments((160, 160), np.random.default_rng(seeds.CELLS))
    assert again.equals(now)


def test_discs_say_what_became_of_the_cells():
    inputs, truth = SMALL.pair(SMALL.source(seeds.CELLS), 3)
    assert inputs.shape == (4, 2, 96, 96)
    assert truth.shape == (4, 1 + 4 + CHANGES.ground, 96, 96)
    discs = true_discs(truth, 4)
    untrusted, pixels = torch.full_like(discs, -30.0), truth[:, -CHANGES.ground :].nan_to_num()
    drawn = torch.cat([truth[:, :1], discs, discs, untrusted, pixels], 1)
    values = CHANGES.valued(drawn[:, 1:5].movedim(1, 0))
    on = truth[:, 1].isfinite()
    assert bool(on.any())
    assert 0.05 < float(values[0][on].abs().median()) < 30
    assert float(SMALL.loss(drawn, truth)) < float(SMALL.loss(torch.zeros_like(drawn), truth))
    assert SMALL.scores(drawn, truth)["growth_pg_per_h_error"] == pytest.approx(0)


def test_backgrounds_of_the_two_frames_are_their_own():
    (clean, _), (worse, _) = SMALL.validation()
    added = (worse - clean).flatten(2)
    alike = [np.corrcoef(pair.numpy())[0, 1] for pair in added if float(pair.std()) > 0.01]
    assert alike
    assert max(map(abs, alike)) < 0.9


def crop(image, at, reach=5):
    return image[at[0] - reach : at[0] + reach, at[1] - reach : at[1] + reach]


def test_displacements_turn_with_the_image():
    """Whatever way a patch is turned, cells lie where their displacement says, later on."""
    assert SMALL.vectors == (1, 5, 7)
    far = []
    for step in range(6):
        inputs, truths = SMALL.batch(step, 4)
        for (now, later), truth in zip(inputs, truths, strict=True):
            for y, x in true_centres(truth).tolist():
                moved = truth[1:3, y, x] * 5.0 / 1.67
                if not bool(moved.isfinite().all()) or float(moved.norm()) < 4:
                    continue
                here, step = np.array([y, x]), np.rint(moved.numpy()).astype(int)
                before = crop(now, here)
                after, back = (crop(later, at) for at in (here + step, here - step))
                if before.shape == after.shape == back.shape:
                    far.append(float((before - after).abs().mean() - (before - back).abs().mean()))
    assert len(far) >= 10
    assert np.median(far) < 0


def test_sums_of_true_pixels_are_the_true_changes():
    _, truth = SMALL.pair(SMALL.source(seeds.CELLS), 3)
    truth[:, -4:-2] = torch.logit(truth[:, -4:-2].clamp(1e-4, 1 - 1e-4))
    pixels = truth[:, -CHANGES.ground :].nan_to_num()
    found, right = [], []
    for patch, drawn in zip(truth, pixels, strict=True):
        centres = true_centres(patch)
        found.append(gathered(drawn, centres, CHANGES))
        right.append(CHANGES.valued(patch[1:5, *centres.T]))
    found, right = torch.cat(found, 1), torch.cat(right, 1)
    known = right.isfinite().all(0)
    assert int(known.sum()) >= 5
    typical = right[:, known].abs().median(1).values
    off = (found - right)[:, known].abs().median(1).values
    assert bool((off < 0.35 * typical).all())
