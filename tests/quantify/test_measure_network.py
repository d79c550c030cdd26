"""That the shipped network is the right file, and does about what its card says, on true OPD."""

import numpy as np
import pytest

import lensfree_nb as lf
from lensfree_nb.contract import METRIC_UNITS
from lensfree_nb.nets.registry import read_card
from lensfree_nb.simulate import culture, within
from lensfree_nb.simulate.dish import with_debris
from lensfree_nb.simulate.render import Field, draw
from tests import seeds

SHAPE = (512, 512)


def seen(cells, rng, shape=SHAPE):
    """True OPD of simulated cells with 1.5 nm of noise."""
    return lf.from_opd(
        draw(cells, Field(shape, 1.67))[0].numpy() + rng.normal(0, 1.5, shape), pixel_size_um=1.67
    )


@pytest.fixture(scope="module")
def scene():
    """A simulated culture, and its cells."""
    rng = np.random.default_rng(seeds.CELLS)
    drawn = culture(SHAPE, 255.0, rng=rng, margin_um=60.0)
    return seen(drawn, rng), within(drawn, SHAPE).assign(frame=0)


def alone(kind, rng, y_px, x_px):
    """A single cell of a kind, somewhere."""
    cells = culture(SHAPE, 100.0, rng=rng, kinds={kind: 1.0}, contact=0.0, piled=0.0)
    return cells.iloc[[0]].assign(y_um=1.67 * y_px, x_um=1.67 * x_px)


def scored(scene):
    ds, truth = scene
    return lf.validate(ds.lf.quantify().lf.cells(), truth, against="simulated truth").overall


def test_cells_are_found_and_measured(scene):
    found = scored(scene)
    assert found["precision"].iloc[0] > 0.99
    assert found["recall"].iloc[0] > 0.99
    assert found["r2"].min() > 0.95
    assert found["bias_percent"].abs().max() < 3.5


def test_tiles_have_the_cells_of_the_whole(scene):
    ds, _ = scene
    whole, tiled = (ds.lf.quantify(tile_px=px).lf.cells() for px in (None, 128))
    assert len(whole) == len(tiled)
    for name in (*METRIC_UNITS, *(f"{metric}_se" for metric in METRIC_UNITS)):
        np.testing.assert_allclose(tiled[name], whole[name], rtol=1e-4)


def test_nothing_is_made_of_nothing():
    rng = np.random.default_rng(seeds.NOISE)
    empty = lf.from_opd(rng.normal(0, 1.5, (256, 256)), pixel_size_um=1.67)
    assert len(empty.lf.quantify().lf.cells()) == 0


@pytest.mark.parametrize("kind", ["adherent", "epithelial", "round"])
def test_one_cell_is_one_row(kind):
    rng = np.random.default_rng(seeds.SHAPES)
    cell = alone(kind, rng, 130.4, 121.7)
    found = seen(cell, rng, (256, 256)).lf.quantify().lf.cells()
    assert len(found) == 1
    assert np.hypot(found["y_um"] / 1.67 - 130.4, found["x_um"] / 1.67 - 121.7).item() < 3
    assert found["dry_mass_pg"].item() == pytest.approx(cell["dry_mass_pg"].item(), rel=0.15)
    assert not found["edge"].item()
    assert found["trusted"].item()


@pytest.mark.parametrize("place", [(2.0, 120.0), (120.0, 253.5), (1.0, 1.0)])
def test_a_cell_on_the_border_is_found_once_and_told(place):
    rng = np.random.default_rng(seeds.SHAPES)
    found = seen(alone("adherent", rng, *place), rng, (256, 256)).lf.quantify().lf.cells()
    assert len(found) == 1
    assert found["edge"].item()


def test_debris_is_no_cell():
    rng = np.random.default_rng(seeds.NOISE)
    none = culture(SHAPE, 100.0, rng=rng).iloc[:0]
    specks = with_debris(none, SHAPE, 200.0, rng=rng)
    assert len(specks) > 100
    assert len(seen(specks, rng).lf.quantify().lf.cells()) <= 0.02 * len(specks)


def test_its_card_tells_where_it_ends():
    card = read_card("measure")
    assert set(card["network"]["trained_on"]["range"]) == set(METRIC_UNITS)
    assert set(card["network"]["se_factor"]) == set(METRIC_UNITS)
    assert "simulated" in card["training"]["truth"]
