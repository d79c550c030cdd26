import numpy as np
import torch

from lensfree_nb.simulate.bank import CellBank
from lensfree_nb.simulate.dish import culture
from lensfree_nb.simulate.ground import NOBODY, Ground, ground_of
from lensfree_nb.simulate.render import Field, draw
from tests import seeds

PITCH, SHAPE = 0.8, (320, 288)


def placed(count=12):
    """Some cells on a field, a few on top of each other."""
    rng = np.random.default_rng(seeds.CELLS)
    bank = CellBank.of(culture((200, 200), 300, rng=rng, contact=0.0), PITCH)
    places = rng.uniform(0, np.array(SHAPE) * PITCH, (count, 2))
    return bank.field(np.arange(count), places, np.full(count, 0.8), SHAPE, rng)


def test_the_highest_owns_the_ground():
    ground = Ground.bare((1, 6), "cpu")
    points = torch.arange(6).view(1, 1, 6)
    first, second = (torch.tensor([[opd]]) for opd in ([5.0, 5, 5, 0, 0, 0], [0.0, 9, 2, 2, 0, 0]))
    for row, own in ((3, first), (7, second)):
        ground.claim(points, torch.tensor([row]), own, own > 4)
    assert ground.owner.tolist() == [[3, 7, 3, 7, NOBODY, NOBODY]]
    assert ground.own_nm.tolist() == [[5, 9, 5, 2, 0, 0]]
    assert ground.inside.tolist() == [[1, 1, 1, 0, 0, 0]]


def test_what_cells_own_adds_up_to_their_truth():
    drawn = placed()
    ground, cells = drawn.ground, drawn.cells
    assert set(ground.owner.unique().tolist()) <= {NOBODY, *range(len(cells))}
    # Where nobody overlaps, own OPD and outline give the cell's own measurements.
    alone = [
        row for row in range(len(cells))
        if torch.allclose(
            drawn.opd_nm[ground.owner == row], ground.own_nm[ground.owner == row], atol=0.05
        )
    ]  # fmt: skip
    assert len(alone) >= 3
    for row in alone:
        mine = ground.owner == row
        area = float(ground.inside[mine].sum()) * PITCH**2
        mass = float(ground.own_nm[mine].sum()) * 1e-3 * PITCH**2 / 0.18
        np.testing.assert_allclose(area, cells["area_um2"][row], rtol=1e-5)
        np.testing.assert_allclose(mass, cells["dry_mass_pg"][row], rtol=0.02)
        highest = float(ground.own_nm[mine].max())
        np.testing.assert_allclose(highest, cells["max_opd_nm"][row], rtol=1e-5)


def test_pixels_are_those_of_their_highest_point():
    fine = placed().ground
    coarse = fine.coarser(2)
    assert coarse.owner.shape == (SHAPE[0] // 2, SHAPE[1] // 2)
    np.testing.assert_allclose(coarse.own_nm.mean(), fine.own_nm.mean(), rtol=1e-5)
    np.testing.assert_allclose(coarse.inside.mean(), fine.inside.mean(), rtol=1e-5)
    blocks = fine.owner.unfold(0, 2, 2).unfold(1, 2, 2).flatten(2)
    assert bool((blocks == coarse.owner[..., None]).any(-1).all())


def test_a_culture_owns_its_ground_as_a_bank_does():
    rng = np.random.default_rng(seeds.SHAPES)
    cells = culture((96, 96), 300, rng=rng, margin_um=40.0)
    field = Field((96, 96), 1.67)
    found = ground_of(cells, field)
    opd = draw(cells, field)[0]
    assert bool((found.own_nm <= opd + 1e-3).all())
    within = cells[(cells[["y_um", "x_um"]] > 40).all(axis=1)]
    within = within[(within[["y_um", "x_um"]] < 96 * 1.67 - 40).all(axis=1)]
    assert len(within) >= 2
    for row, cell in within.iterrows():
        mine = found.owner == row
        area = float(found.inside[mine].sum()) * 1.67**2
        assert 0.6 * cell["area_um2"] < area < 1.05 * cell["area_um2"]
        y, x = (float(at.double().mean()) * 1.67 for at in mine.nonzero().T)
        assert np.hypot(y - cell["y_um"], x - cell["x_um"]) < 6
