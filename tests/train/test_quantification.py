import dataclasses
import math

import numpy as np
import pytest
import torch

from lensfree_nb.errors import ParameterError
from lensfree_nb.quantify.channels import MEASURES, METRICS, detection, targets
from lensfree_nb.quantify.gathering import gathered
from lensfree_nb.quantify.peaks import local_maxima
from lensfree_nb.quantify.reading import at_cells, measured
from lensfree_nb.train.measuring import of_whole_cells
from lensfree_nb.train.patches import FIELDS_A_BANK, FIELDS_AN_INSTRUMENT, PatchSource
from lensfree_nb.train.quantification import Quantification
from tests import seeds
from tests.train.drawings import true_centres, true_discs

SMALL = Quantification(
    seeds.CELLS, seeds.NOISE, field_px=192, patch_px=96, shelf_fields=2, bank_cells=40,
    validation_fields=1, draft="accelerate", device="cpu",
)  # fmt: skip


def small(**changes):
    return dataclasses.replace(SMALL, **changes)


@pytest.fixture(scope="module")
def examples():
    return SMALL.validation()


def perfect(truth):
    """What a network that knows the truth would draw, sure of itself, trusting no sums."""
    logit = torch.logit(truth[:, :1].clamp(1e-4, 1 - 1e-4))
    values, ground = true_discs(truth, len(METRICS)), truth[:, -MEASURES.ground :].nan_to_num()
    sure, untrusted = (torch.full_like(values, value) for value in (-5.0, -30.0))
    for _, outline, _ in MEASURES.parted(ground):
        outline.copy_(torch.logit(outline.clamp(1e-4, 1 - 1e-4)))
    return torch.cat([logit, values, sure, untrusted, ground], 1)


def test_examples_are_opd_and_targets():
    inputs, truth = small().batch(0, 3)
    assert inputs.shape == (3, 1, 96, 96)
    assert truth.shape == (3, 1 + len(METRICS) + MEASURES.ground, 96, 96)
    assert inputs.dtype == truth.dtype == torch.float32
    assert bool(inputs.isfinite().all())
    assert small().options()["outputs"] == MEASURES.outputs


def test_a_step_has_its_examples_whatever_came_before():
    through, jumped = small(), small()
    for step in range(5):
        last = through.batch(step, 3)
    again = jumped.batch(4, 3)
    for a, b in zip(again, last, strict=True):
        assert torch.equal(a.nan_to_num(), b.nan_to_num())


def test_half_of_the_fields_are_of_the_papers_microscope_and_culture():
    learned, source = small(), small().source(seeds.CELLS)
    papers = dataclasses.replace(source, variety="paper")
    for number, wanted in enumerate((source,) * 4 + (papers,) * 4):
        found, again = learned.learned_pair(number), learned.pair(wanted, number)
        assert torch.equal(found[0], again[0])


def test_fields_are_told_of_as_well_as_users_know_theirs():
    # Nearer than networks that reconstruct are to bear.
    mine, theirs = small().source(seeds.CELLS), PatchSource(seeds.CELLS)
    assert 0 < mine.distance_error_um < theirs.distance_error_um
    assert 0 < mine.registration_error_um < theirs.registration_error_um
    assert {s.distance_error_um for s in small().sources(seeds.CELLS)} == {mine.distance_error_um}


def test_fields_to_validate_on_share_neither_cells_nor_microscope():
    asked = []
    task = small(validation_fields=3)
    made = SMALL.told(SMALL.source(seeds.CELLS), 0)
    task.told = lambda source, number: asked.append(number) or made
    task.validation()
    assert len({number // FIELDS_A_BANK for number in asked}) == 3
    task.unseen(0), task.unseen(2)
    assert len({number // FIELDS_AN_INSTRUMENT for number in asked}) == 5


def test_validation_is_seen_as_it_is_and_worsened(examples):
    (clean, truth), (worse, same), *of_the_papers_culture = examples
    assert len(of_the_papers_culture) == 2
    assert not torch.equal(of_the_papers_culture[0][0], clean)
    assert torch.equal(truth.nan_to_num(), same.nan_to_num())
    assert float((worse - clean).std()) > 0.02


def test_the_truth_draws_every_cell_and_its_measurements(examples):
    _, truth = examples[0]
    seen = 0
    for drawn in perfect(truth):
        found = local_maxima(detection(drawn), least=0.8, apart_px=2)
        values, errors = MEASURES.decoded(*at_cells(drawn, found, MEASURES))
        assert bool((values > 0).all())
        assert bool((errors < 0.01 * values).all())
        seen += len(found)
    # Patches of a periodic field: no centroid is lost between them, few are seen from two.
    source = small().source(seeds.NOISE)
    cells = (source.field(1).cells["kind"] != "debris").sum()
    assert cells <= seen <= 1.2 * cells + 2


def test_the_truth_costs_less_than_anything_else(examples):
    _, truth = examples[0]
    best = perfect(truth)
    off = best.clone()
    off[:, 1 : 1 + len(METRICS)] += 0.1
    astray = best.clone()
    astray[:, -MEASURES.ground :] += 0.1
    assert small().loss(best, truth) < small().loss(off, truth)
    assert small().loss(best, truth) < small().loss(astray, truth)
    assert small().scores(best, truth)["area_um2_percent"] == pytest.approx(0)
    assert small().scores(off, truth)["dry_mass_pg_percent"] == pytest.approx(10, rel=1e-3)
    blank = torch.zeros_like(best)
    assert (
        small().scores(best, truth)["detection"] < 0.1 * small().scores(blank, truth)["detection"]
    )


def test_debris_is_no_cell():
    source = small().source(seeds.CELLS)
    for number in range(0, 12, 2):
        opd, cells, *_ = source.true_opd(number)
        if (cells["kind"] == "debris").any():
            break
    _, truth = small().pair(source, number)
    spots = sum(len(local_maxima(patch[0], least=0.97, apart_px=1)) for patch in truth)
    assert spots <= (cells["kind"] != "debris").sum()
    assert len(opd) == len(truth)


def test_the_true_opd_is_that_behind_the_light():
    source = small().source(seeds.CELLS)
    opd, cells, ground, _ = source.true_opd(3)
    made = source.field(3)
    assert torch.equal(opd, made.truth_opd_nm)
    assert cells.equals(made.cells)
    assert all(torch.equal(a, b) for a, b in zip(ground, made.ground, strict=True))


def test_pixels_point_to_the_centroid_of_their_cell_however_a_patch_is_turned():
    task = small()
    for step in range(3):
        _, truths = task.batch(step, 4)
        for truth in truths:
            centres = true_centres(truth)
            on_disc = truth[1].isfinite() & (truth[-2] > 0)
            y, x = on_disc.nonzero().T
            aim = torch.stack([y, x], 1) + 10 * truth[-4:-2, y, x].T
            away = torch.cdist(aim, centres.to(aim)).min(1).values
            assert float(away.median()) < 1.0


def test_sums_of_true_pixels_are_the_true_measurements(examples):
    _, truth = examples[0]
    off = []
    for right, drawn in zip(truth, perfect(truth), strict=True):
        centres = true_centres(right)
        sums = MEASURES.coded(gathered(drawn[MEASURES.on_discs :], centres, MEASURES))
        off.append((sums - right[1 : 1 + len(METRICS), *centres.T]).abs())
    # Of most cells: what rides on others, or under them, has lost some of its pixels.
    assert bool((torch.cat(off, 1).nanmedian(1).values < 0.04).all())


def test_cells_that_a_border_may_cut_are_not_measured():
    points = np.array([[30.0, 40.0], [19.9, 40.0], [75.2, 40.0], [96 + 30.0, 96 + 19.0], [20, 20]])
    found = of_whole_cells(points, np.ones((5, len(METRICS))), 96)
    assert np.isfinite(found).all(axis=1).tolist() == [True, False, False, False, True]
    assert np.isnan(found[1:4]).all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"shelf_fields": 0}, "shelf_fields is 0"), ({"shelf_fields": 2.5}, "a whole number"),
     ({"reuse": 0.0}, "reuse is 0"), ({"draft": None}, "draft is missing"),
     ({"draft": "measure"}, "a network for quantify; name one that reconstructs"),
     ({"validation_seed": -6}, "validation_seed is -6"),
     ({"validation_seed": seeds.CELLS}, "must not be learned")],
)  # fmt: skip
def test_what_cannot_be_trained_is_refused(changes, words):
    with pytest.raises(ParameterError, match=words):
        small(**changes)


def test_errors_grow_with_what_is_left_unexplained():
    rng = np.random.default_rng(seeds.NOISE)
    points = np.stack(np.meshgrid(*[np.arange(9, 240, 15)] * 2, indexing="ij"), -1).reshape(-1, 2)
    typical, residual = [*MEASURES.scale.values()], [0.1, 0.2, 0.2, 0.4, math.nan]
    images = []
    for left in residual:
        # Of an image that comes from no hologram errors are those of a typical one.
        size = 0.1 * (1.0 if math.isnan(left) else (left / 0.2) ** 0.6)
        values = typical * np.exp(rng.normal(0, 0.2, (len(points), len(METRICS))))
        off = values * np.exp(size * rng.standard_normal(values.shape))
        images += [torch.from_numpy(targets(points, some, (240, 240))) for some in (values, off)]
    truth, drawn = torch.stack(images[::2]), perfect(torch.stack(images[1::2]))
    drawn[:, 1 + len(METRICS) : 1 + 2 * len(METRICS)] = math.log(0.05)
    said = small().stretched(drawn, truth, residual)
    grows = said["se_grows"]["residual"]
    assert grows["range"] == [0.1, 0.4]
    assert grows["typical"] == 0.2
    for metric in METRICS:
        assert said["se_factor"][metric] == pytest.approx(2.0, rel=0.1)
        assert grows["power"][metric] == pytest.approx(0.6, abs=0.15)
    least = small().learned(drawn, truth)["least"]
    for image, right, left in zip(drawn, truth, residual, strict=True):
        found = measured(image, MEASURES, least, said, left)
        true = MEASURES.valued(right[1 : -MEASURES.ground, *found.centres.T])
        inside = ((found.values - true).abs() < found.errors).double().mean(1)
        assert inside.tolist() == pytest.approx([0.68] * len(METRICS), abs=0.08)
    unknown = small().stretched(drawn, truth, [math.nan] * len(drawn))
    assert list(unknown["se_grows"]) == ["density_per_mm2"]
    # Of a network that finds no cell nothing is known; that costs no training.
    assert small().stretched(0 * drawn - 9, truth, residual) == {"se_factor": {}, "se_grows": {}}


def test_what_lacks_is_what_measurements_must_gain_to_add_up_to_the_truth():
    rng = np.random.default_rng(seeds.NOISE)
    points = np.stack(np.meshgrid(*[np.arange(9, 480, 15)] * 2, indexing="ij"), -1).reshape(-1, 2)
    values = [*MEASURES.scale.values()] * np.exp(rng.normal(0, 0.2, (len(points), len(METRICS))))
    # Medians are right, means short by half of the variance; and the second metric is low at that.
    low = np.array([1.0, 0.9, 1.0, 1.0])
    true = values * np.exp(0.3 * rng.standard_normal(values.shape))
    truth, said = (
        torch.from_numpy(targets(points, some, (480, 480))) for some in (true, low * values)
    )
    truth, drawn = truth[None], perfect(said[None])
    lacks = small().lacking(drawn, truth)
    assert list(lacks) == [1, 2, 3, 4]
    assert [*lacks.values()] == pytest.approx(0.3**2 / 2 - np.log(low), abs=0.03)
    for image, lack in lacks.items():
        drawn[:, image] += lack
    found = measured(drawn[0], MEASURES, 0.5)
    right = MEASURES.valued(truth[0, 1 : 1 + len(METRICS), *found.centres.T])
    sums = (found.values.sum(1) / right.sum(1)).tolist()
    assert sums == pytest.approx([1.0] * len(METRICS), abs=1e-4)
    # Too few cells tell nothing.
    assert small().lacking(drawn[..., :60, :60], truth[..., :60, :60]) == {}


def test_errors_grow_with_the_density_about_a_cell():
    rng = np.random.default_rng(seeds.NOISE)
    typical = [*MEASURES.scale.values()]
    images = []
    for apart in (12, 16, 24, 32, 48):
        along = np.arange(20, 620, apart)
        points = np.stack(np.meshgrid(along, along, indexing="ij"), -1).reshape(-1, 2)
        size = 0.1 * (12 / apart) ** (2 * 0.4)
        values = typical * np.exp(rng.normal(0, 0.2, (len(points), len(METRICS))))
        off = values * np.exp(size * rng.standard_normal(values.shape))
        images += [torch.from_numpy(targets(points, some, (640, 640))) for some in (values, off)]
    truth, drawn = torch.stack(images[::2]), perfect(torch.stack(images[1::2]))
    drawn[:, 1 + len(METRICS) : 1 + 2 * len(METRICS)] = math.log(0.05)
    said = small().stretched(drawn, truth, [0.2] * len(drawn))
    for metric in METRICS:
        assert said["se_grows"]["density_per_mm2"]["power"][metric] == pytest.approx(0.4, abs=0.1)
    least = small().learned(drawn, truth)["least"]
    for image, right in zip(drawn[:3], truth, strict=False):
        found = measured(image, MEASURES, least, said)
        true = MEASURES.valued(right[1 : -MEASURES.ground, *found.centres.T])
        inside = ((found.values - true).abs() < found.errors).double().mean(1)
        assert inside.tolist() == pytest.approx([0.68] * len(METRICS), abs=0.05)


def test_errors_are_stretched_to_what_they_claim():
    rng = np.random.default_rng(seeds.NOISE)
    points = np.stack(np.meshgrid(*[np.arange(9, 480, 15)] * 2, indexing="ij"), -1).reshape(-1, 2)
    typical = [*MEASURES.scale.values()]
    values = typical * np.exp(rng.normal(0, 0.2, (len(points), len(METRICS))))
    truth, wrong = (
        torch.from_numpy(targets(points, some, (480, 480)))[None]
        for some in (values, values * np.exp(0.1 * rng.standard_normal(values.shape)))
    )
    drawn = perfect(wrong)
    drawn[:, 1 + len(METRICS) : 1 + 2 * len(METRICS)] = math.log(0.05)
    said = small().learned(drawn, truth)
    for factor in said["se_factor"].values():
        assert factor == pytest.approx(2.0, rel=0.15)
    found = measured(drawn[0], MEASURES, said["least"], said)
    right = MEASURES.valued(truth[0, 1 : -MEASURES.ground, *found.centres.T])
    inside = ((found.values - right).abs() < found.errors).double().mean(1)
    assert inside.tolist() == pytest.approx([0.6827] * len(METRICS), abs=0.005)
    low, high = said["trained_on"]["range"]["area_um2"]
    assert 200 < low < 400
    assert 1000 < high < 1600
    assert said["trained_on"]["noise_nm"] == 20
