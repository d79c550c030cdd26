import numpy as np
import torch

from lensfree_nb.simulate.bank import CellBank
from lensfree_nb.simulate.dish import culture
from lensfree_nb.simulate.ground import NOBODY, Claim, Ground, draw_owned
from lensfree_nb.simulate.render import Field, draw
from tests import seeds

PITCH, SHAPE = 0.8, (320, 288)


def placed(count=12):
    """Some cells on a field, a few on top of each other."""
    rng = np.random.default_rng(seeds.CELLS)
    bank = CellBank.of(culture((200, 200), 300, rng=rng, contact=0.0), PITCH)
    places = rng.uniform(0, np.array(SHAPE) * PITCH, (count, 2))
    return bank.field(np.arange(count), places, np.full(count, 0.8), SHAPE, rng)


def test_the_highest_owns_the_ground_and_the_next_lies_below():
    points = torch.arange(6).view(1, 1, 6)
    first, second = (torch.tensor([[opd]]) for opd in ([5.0, 5, 5, 0, 0, 0], [0.0, 9, 2, 2, 0, 0]))
    claims = [
        Claim(points, torch.tensor([row]), own, own > 4) for row, own in ((3, first), (7, second))
    ]
    for given in (claims, claims[::-1]):
        ground = Ground.of(given, (1, 6))
        assert ground.owner.tolist() == [[[3, 7, 3, 7, -1, -1]], [[-1, 3, 7, -1, -1, -1]]]
        assert ground.own_nm.tolist() == [[[5, 9, 5, 2, 0, 0]], [[0, 5, 2, 0, 0, 0]]]
        assert ground.inside.tolist() == [[[1, 1, 1, 0, 0, 0]], [[0, 1, 0, 0, 0, 0]]]
    together = Claim(*(torch.cat(part) for part in zip(*claims, strict=True)))
    assert all(
        torch.equal(a, b) for a, b in zip(Ground.of([together], (1, 6)), ground, strict=True)
    )


def test_what_cells_own_adds_up_to_their_truth():
    drawn = placed()
    ground, cells = drawn.ground, drawn.cells
    assert set(ground.owner.unique().tolist()) <= {NOBODY, *range(len(cells))}
    # Where no third cell lies, own OPD and outline give the cell's own measurements.
    most = [
        row for row in range(len(cells))
        if torch.allclose(
            drawn.opd_nm[(ground.owner == row).any(0)],
            ground.own_nm.sum(0)[(ground.owner == row).any(0)], atol=1.0,
        )
    ]  # fmt: skip
    assert len(most) >= 6
    assert any(int((ground.owner[1] == row).sum()) > 50 for row in most)
    for row in most:
        mine = ground.owner == row
        area = float(ground.inside[mine].sum()) * PITCH**2
        mass = float(ground.own_nm[mine].sum()) * 1e-3 * PITCH**2 / 0.18
        np.testing.assert_allclose(area, cells["area_um2"][row], rtol=0.01)
        np.testing.assert_allclose(mass, cells["dry_mass_pg"][row], rtol=0.02)
        highest = float(ground.own_nm[mine].max())
        np.testing.assert_allclose(highest, cells["max_opd_nm"][row], rtol=1e-5)


def test_pixels_are_those_of_their_highest_point():
    fine = placed().ground
    coarse = fine.coarser(2)
    assert coarse.owner.shape == (2, SHAPE[0] // 2, SHAPE[1] // 2)
    np.testing.assert_allclose(coarse.own_nm[0].mean(), fine.own_nm[0].mean(), rtol=1e-5)
    np.testing.assert_allclose(coarse.inside[0].mean(), fine.inside[0].mean(), rtol=1e-5)
    blocks = fine.owner.unfold(1, 2, 2).unfold(2, 2, 2).flatten(3)
    assert bool((blocks[0] == coarse.owner[0, ..., None]).any(-1).all())
    assert not bool(((coarse.owner[0] == coarse.owner[1]) & (coarse.owner[0] >= 0)).any())


def test_a_culture_owns_its_ground_as_a_bank_does():
    rng = np.random.default_rng(seeds.SHAPES)
    cells = culture((96, 96), 300, rng=rng, margin_um=40.0)
    field = Field((96, 96), 1.67)
    opd, found = draw_owned(cells, field)
    assert torch.equal(opd, draw(cells, field)[0])
    assert bool((found.own_nm.sum(0) <= opd + 1e-3).all())
    within = cells[(cells[["y_um", "x_um"]] > 40).all(axis=1)]
    within = within[(within[["y_um", "x_um"]] < 96 * 1.67 - 40).all(axis=1)]
    assert len(within) >= 2
    for row, cell in within.iterrows():
        mine = found.owner == row
        area = float(found.inside[mine].sum()) * 1.67**2
        assert 0.6 * cell["area_um2"] < area < 1.05 * cell["area_um2"]
        y, x = (float(at.double().mean()) * 1.67 for at in mine.nonzero().T[1:])
        assert np.hypot(y - cell["y_um"], x - cell["x_um"]) < 6
