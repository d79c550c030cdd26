import math
from dataclasses import replace

import numpy as np
import pytest
import torch

import lensfree_nb as lf
from lensfree_nb.contract import METRIC_UNITS, SHIFTS
from lensfree_nb.errors import ParameterError
from lensfree_nb.nets.registry import find_model
from lensfree_nb.reconstruct.alternation import accelerated, reference
from lensfree_nb.simulate import PRESETS, culture, with_debris
from lensfree_nb.simulate.bank import CellBank
from lensfree_nb.simulate.shapes import TEST_ONLY, TUNE_ONLY
from lensfree_nb.train import patches as patches_module
from lensfree_nb.train.patches import PatchSource
from lensfree_nb.train.variety import (
    any_culture,
    any_instrument,
    paper_cells,
    paper_culture,
    paper_instrument,
)
from tests import seeds

SMALL = PatchSource(
    seeds.CELLS, field_px=192, patch_px=64, bank_cells=60, iterations=3, device="cpu"
)
NAMES = ("hologram", "opd_nm", "absorption", "truth_opd_nm", "truth_absorption")


@pytest.fixture(scope="module")
def patches():
    return SMALL.field(3)


def test_a_field_gives_all_its_patches(patches):
    assert SMALL.patches_a_field == 9
    assert patches.hologram.shape == (9, 3, 64, 64)
    for name in NAMES:
        part = getattr(patches, name)
        assert part.dtype == torch.float32
        assert part.shape[0] == 9
        assert torch.isfinite(part).all()
    assert float(patches.hologram.mean()) == pytest.approx(1, abs=1e-5)
    assert float(patches.truth_opd_nm.min()) >= 0


def test_patches_lie_row_by_row_and_their_cells_in_them():
    # Few cells: where the map is dark there is none, where a cell is the map is not dark.
    numbers = range(40)
    seen = 0
    for patches in (SMALL.field(n) for n in numbers):
        cells = patches.cells[patches.cells["kind"].isin(["round", "suspended"])]
        assert patches.cells["patch"].between(0, 8).all()
        for cell in cells.itertuples():
            y, x = round(cell.y_um / 1.67), round(cell.x_um / 1.67)
            if min(y, x) < 0 or max(y, x) > 63:
                continue
            assert float(patches.truth_opd_nm[cell.patch, y, x]) > 0.5 * cell.max_opd_nm
            seen += 1
    assert seen > 50


def test_the_table_holds_the_mass_of_the_maps(patches):
    assert {"patch", "kind", "y_um", "x_um", *METRIC_UNITS} == set(patches.cells)
    mass = float(patches.truth_opd_nm.double().sum()) * 1.67**2 * 1e-3 / 0.18
    assert mass == pytest.approx(patches.cells["dry_mass_pg"].sum(), rel=1e-4)


def test_a_field_is_the_same_whoever_asks_and_whenever(patches):
    for number in (40, 0, 3):
        again = SMALL.field(number)
    for name in NAMES:
        assert torch.equal(getattr(again, name), getattr(patches, name))
    assert again.cells.equals(patches.cells)
    other = replace(SMALL, seed=seeds.NOISE).field(3)
    assert not torch.equal(other.hologram, patches.hologram)


def test_neighbours_differ_and_instruments_change(patches):
    assert not torch.equal(SMALL.field(4).truth_opd_nm, patches.truth_opd_nm)
    chosen = replace(SMALL, instrument=replace(PRESETS["ideal"]), distance_error_um=0.0)
    quiet, noisy = chosen.field(3), SMALL.field(3)
    assert torch.equal(quiet.truth_opd_nm, noisy.truth_opd_nm)
    assert not torch.equal(quiet.hologram, noisy.hologram)


def test_the_inversion_moves_towards_the_truth():
    chosen = replace(SMALL, instrument=PRESETS["plain"], iterations=10, distance_error_um=0.0)
    gap, size = 0.0, 0.0
    for found in (chosen.field(number) for number in range(4)):
        # What is thick wraps, and draws its neighbours along.
        thin = torch.nn.functional.max_pool2d(found.truth_opd_nm, 31, 1, 15) < 200
        gap += float((found.opd_nm - found.truth_opd_nm)[thin].square().sum())
        size += float(found.truth_opd_nm[thin].square().sum())
    assert gap**0.5 < 0.6 * size**0.5


def test_every_other_field_may_begin_from_a_network_s_answer():
    plain = replace(SMALL, iterations=10)
    drafted = replace(plain, draft=find_model("accelerate"))
    assert torch.equal(plain.field(0).inputs, drafted.field(0).inputs)
    before, after = plain.field(1), drafted.field(1)
    assert torch.equal(before.truth_opd_nm, after.truth_opd_nm)

    def error(made):
        return float((made.opd_nm - made.truth_opd_nm).square().mean())

    assert error(after) < 0.5 * error(before)
    assert after.inputs.shape == before.inputs.shape


def test_a_field_is_reconstructed_as_users_have_it():
    network = find_model("accelerate")
    truth, cells, ground, nothing = SMALL.true_opd(1)
    by = [SMALL.opd_by(1, method(network)) for method in (accelerated, reference)]
    for seen in by:
        assert seen.cells.equals(cells)
        assert all(torch.equal(a, b) for a, b in zip(seen.ground, ground, strict=True))
    quick, long = (float((seen.opd_nm - truth).square().mean().sqrt()) for seen in by)
    assert long < quick < 0.2 * float(truth.square().mean().sqrt())
    assert math.isnan(nothing)
    assert all(0.02 < seen.residual < 0.5 for seen in by)


def test_the_residual_is_that_of_a_user_who_reconstructs_the_same_hologram():
    network = find_model("accelerate")
    # Of even light: uneven one would have seams between the periods.
    even = replace(SMALL, instrument="plain")
    _, _, hologram, stated = even._recorded(1)
    tiled = hologram.tile(1, 3, 3).numpy()
    ds = lf.acquisition(
        tiled, wavelength_nm=stated.wavelength_nm, pixel_size_um=stated.pixel_size_um,
        distance_um=stated.distance_um, bandwidth_nm=stated.bandwidth_nm,
        source_diameter_um=stated.source_diameter_um,
        source_distance_mm=stated.source_distance_mm,
    )  # fmt: skip
    places = dict(zip(SHIFTS, np.transpose(stated.shift_um), strict=True))
    ds = ds.assign_coords({n: ("wavelength", each, {"units": "um"}) for n, each in places.items()})
    mine = even.opd_by(1, accelerated(network)).residual
    # Away from the border, beyond which the user knows nothing.
    theirs = ds.lf.reconstruct("accelerated", residual_map=True)["residual_map"].values
    middle = theirs[192:384, 192:384]
    assert float(np.sqrt(np.nanmean(middle**2))) == pytest.approx(mine, rel=0.05)


def test_a_network_can_learn_from_them(patches):
    weight = torch.ones(1, 1, 3, 3, requires_grad=True)
    found = torch.nn.functional.conv2d(patches.opd_nm[:, None], weight, padding=1)[:, 0]
    (found - patches.truth_opd_nm).square().mean().backward()
    assert weight.grad is not None


def test_no_kind_that_is_kept_for_tests_or_tuning_is_ever_drawn():
    kinds = set().union(*(SMALL.field(n).cells["kind"] for n in range(0, 260, 13)))
    assert not kinds & (TEST_ONLY | TUNE_ONLY)
    assert kinds >= {"adherent", "round", "debris"}


@pytest.mark.parametrize("kind", sorted((TEST_ONLY | TUNE_ONLY) - {"measured"}))
def test_a_bank_with_a_kind_kept_out_of_training_is_refused(kind):
    rng = np.random.default_rng(seeds.CELLS)
    cells = culture((100, 100), 200, rng=rng, kinds={kind: 0.3})
    bank = CellBank.of(cells, 0.835)
    with pytest.raises(ParameterError, match=kind):
        any_culture(bank, (128, 128), rng)
    with pytest.raises(ParameterError, match=kind):
        paper_culture(bank, (128, 128), rng)


def test_the_paper_knew_one_microscope_and_one_line_of_cells():
    like_paper = replace(SMALL, variety="paper", bank_cells=600)
    kinds = set().union(*(like_paper.true_opd(n)[1]["kind"] for n in range(8)))
    assert kinds == {"adherent", "round"}
    one, other = (paper_instrument(np.random.default_rng(n)) for n in (1, 2))
    assert one.serial != other.serial
    assert replace(one, serial=other.serial) == other
    assert one == replace(PRESETS["paper"], serial=one.serial)
    chosen = patches_module._instrument(like_paper, 0, torch.device("cpu"))[0]
    assert replace(chosen, serial=one.serial) == one
    area_mm2 = (192 * 1.67e-3) ** 2
    counts = [len(like_paper.true_opd(n)[1]) / area_mm2 for n in range(8)]
    assert 145 <= min(counts) < max(counts) <= 605


def test_cells_of_the_papers_culture_are_those_of_its_density():
    rng = np.random.default_rng(seeds.CELLS)
    bank = CellBank.of(paper_cells(60, rng), 0.835)
    assert len(bank.kinds) == 60
    # Were the cells of the three lower densities round, and those of the others not:
    told = replace(bank, kinds=np.repeat(np.array(["round", "adherent"], object), 30))
    area_mm2 = (1024 * 0.835e-3) ** 2
    for _ in range(10):
        cells = paper_culture(told, (1024, 1024), rng).cells
        sparse = len(cells) / area_mm2 < 375
        assert set(cells["kind"]) == {"round" if sparse else "adherent"}


def test_a_small_bank_may_lack_a_kind():
    rng = np.random.default_rng(seeds.CELLS)
    adherent = CellBank.of(culture((100, 100), 200, rng=rng), 0.835)
    assert set(paper_culture(adherent, (128, 128), rng).cells["kind"]) == {"adherent"}
    debris = CellBank.of(with_debris(culture((64, 64), 0, rng=rng), (64, 64), 900, rng=rng), 0.835)
    with pytest.raises(ParameterError, match="no adherent or round; draw more"):
        paper_culture(debris, (128, 128), rng)


def test_what_cannot_be_made_is_refused():
    with pytest.raises(ParameterError, match="variety is 'narrow'; use one of any, paper"):
        PatchSource(seeds.CELLS, variety="narrow")
    with pytest.raises(ParameterError, match="patch_px"):
        PatchSource(seeds.CELLS, field_px=500)
    with pytest.raises(ParameterError, match="tilt"):
        PatchSource(seeds.CELLS, instrument=PRESETS["harsh"])


def test_instruments_are_wide_apart():
    many = [any_instrument(np.random.default_rng(n)) for n in range(40)]
    distances = [i.setup.known_distance()[0] for i in many]
    assert min(distances) < 800
    assert max(distances) > 1800
    assert {i.camera.bits for i in many} == {8, 10, 12}
    assert all(0.6 <= i.fill <= 1 and i.slope_um_per_mm == (0.0, 0.0) for i in many)


def test_the_level_of_the_dark_is_no_light():
    lit = replace(PRESETS["paper"], camera=replace(PRESETS["paper"].camera, offset=1000.0))
    contrast = [
        float(replace(SMALL, instrument=instrument).field(1).hologram.std())
        for instrument in (PRESETS["paper"], lit)
    ]
    assert contrast[0] == pytest.approx(contrast[1], rel=0.02)
