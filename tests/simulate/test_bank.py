import numpy as np
import pytest
import torch

from lensfree_nb.contract import METRIC_UNITS
from lensfree_nb.simulate.bank import TURNS, CellBank
from lensfree_nb.simulate.dish import culture, with_debris
from lensfree_nb.simulate.render import Field, anchors_um, draw
from lensfree_nb.simulate.truth import measured
from tests import seeds

PITCH, SHAPE = 0.8, (640, 576)


class Turn:
    """Stands for a source of turns: always the same one."""

    def __init__(self, turn):
        self.turn = turn

    def integers(self, high, size):
        assert self.turn < high == TURNS
        return np.full(size, self.turn)


@pytest.fixture(scope="module")
def alone():
    cells = culture(
        (150, 150), 300, rng=np.random.default_rng(seeds.SHAPES), contact=0.0,
        kinds={"round": 0.2, "spindle": 0.2},
    )  # fmt: skip
    return with_debris(cells, (150, 150), 60, rng=np.random.default_rng(seeds.CELLS))


@pytest.fixture(scope="module")
def bank(alone):
    return CellBank.of(alone, PITCH)


def settled(table, bank, turn=0, contact=0.8, at=100.0):
    """The whole table on a field, its cells where the table has them (to the nearest point)."""
    number = len(table)
    drawn = bank.field(
        np.arange(number), anchors_um(table) + at, np.full(number, contact), SHAPE, Turn(turn)
    )
    return drawn, anchors_um(table) + at


def test_a_field_is_what_drawing_the_culture_gives(alone, bank):
    drawn, _ = settled(alone, bank)
    # Where the bank has put each cell: it keeps its place between the points.
    own = np.stack([alone["anchor_dy_um"], alone["anchor_dx_um"]], 1)
    offsets = np.zeros((len(alone), 2))
    for sheet in bank.sheets:
        offsets[sheet.rows] = sheet.anchor_px.numpy() - sheet.side // 2
    placed = (np.rint((anchors_um(alone) + 100.0) / PITCH) + offsets) * PITCH - own
    table = alone.assign(y_um=placed[:, 0], x_um=placed[:, 1], contact=0.8)
    table = measured(table, conserve=True, grid_um=PITCH)
    opd, dark = draw(table, Field(SHAPE, PITCH))
    assert float((drawn.opd_nm - opd).abs().max()) < 0.05 * float(opd.max())
    assert float((drawn.opd_nm - opd).square().mean().sqrt()) < 0.01 * float(opd.std())
    torch.testing.assert_close(drawn.absorption, dark, atol=0.02, rtol=0.05)
    for metric in METRIC_UNITS:
        np.testing.assert_allclose(drawn.cells[metric], table[metric], rtol=0.1, err_msg=metric)
        gap = np.abs(drawn.cells[metric] / table[metric] - 1).mean()
        assert gap < 0.01, metric
    np.testing.assert_allclose(drawn.cells[["y_um", "x_um"]], table[["y_um", "x_um"]], atol=0.5)


@pytest.mark.parametrize("turn", range(TURNS))
def test_a_turned_cell_lies_where_the_table_says(alone, bank, turn):
    long = np.flatnonzero(alone["kind"] == "spindle")[:1]
    drawn = bank.field(long, np.array([[250.0, 240.0]]), np.zeros(1), SHAPE, Turn(turn))
    inside = drawn.opd_nm > 0.2 * float(alone["height_nm"].iloc[long[0]])
    y, x = (points.double().mean() * PITCH for points in inside.nonzero(as_tuple=True))
    row = drawn.cells.iloc[0]
    assert (float(y), float(x)) == pytest.approx((row["y_um"], row["x_um"]), abs=1e-6)
    assert row["kind"] == "spindle"
    mass = float(drawn.opd_nm.double().sum()) * PITCH**2 * 1e-3 / 0.18
    assert mass == pytest.approx(row["dry_mass_pg"], rel=1e-6)


def test_turns_differ_and_a_cell_across_the_border_comes_back_on_the_other_side(alone, bank):
    pictures = set()
    for turn in range(TURNS):
        drawn = bank.field(np.array([0]), np.zeros((1, 2)), np.zeros(1), SHAPE, Turn(turn))
        pictures.add(drawn.opd_nm.numpy().tobytes())
        corners = (drawn.opd_nm[y, x] for y in (slice(0, 9), slice(-9, None)) for x in (0, -1))
        assert all(bool((corner > 0).any()) for corner in corners)
    assert len(pictures) == TURNS


def test_neighbours_share_their_ground_and_riders_do_not(alone, bank):
    two = np.flatnonzero(alone["kind"] == "adherent")[:2]
    places = np.array([[250.0, 240.0], [250.0, 255.0]])
    rng = np.random.default_rng(seeds.CELLS)
    apart = bank.field(two, places, np.full(2, 1.0), SHAPE, rng).cells
    riding = bank.field(two, places, np.zeros(2), SHAPE, rng).cells
    assert (apart["area_um2"] < riding["area_um2"]).all()
    np.testing.assert_allclose(riding["area_um2"], alone["area_um2"].iloc[two], rtol=0.03)


def test_the_same_source_gives_the_same_bytes(bank):
    def field(seed):
        rng = np.random.default_rng(seed)
        places = rng.uniform(0, 400, (40, 2))
        return bank.field(rng.integers(20, size=40), places, np.full(40, 0.7), SHAPE, rng)

    first, again, other = field(seeds.CELLS), field(seeds.CELLS), field(seeds.NOISE)
    assert first.opd_nm.numpy().tobytes() == again.opd_nm.numpy().tobytes()
    assert first.cells.equals(again.cells)
    assert not torch.equal(first.opd_nm, other.opd_nm)
