"""That the shipped network is the right file, and does about what its card says, on true OPD."""

import numpy as np
import pytest
import xarray as xr

import lensfree_nb as lf
from lensfree_nb.contract import METRIC_UNITS
from lensfree_nb.nets.registry import read_card
from lensfree_nb.simulate import culture, within
from lensfree_nb.simulate.render import Field, draw
from tests import seeds

SHAPE = (512, 512)


@pytest.fixture(scope="module")
def scene():
    """True OPD of a simulated culture with 1.5 nm of noise, and its cells."""
    rng = np.random.default_rng(seeds.CELLS)
    drawn = culture(SHAPE, 255.0, rng=rng, margin_um=60.0)
    opd = draw(drawn, Field(SHAPE, 1.67))[0].numpy() + rng.normal(0, 1.5, SHAPE)
    ds = xr.Dataset({"opd": (("y", "x"), opd.astype(np.float32), {"units": "nm"})})
    return ds.assign_attrs(pixel_size_um=1.67), within(drawn, SHAPE).assign(frame=0)


def scored(scene):
    ds, truth = scene
    return lf.validate(ds.lf.quantify().lf.cells(), truth, against="simulated truth").overall


def test_cells_are_found_and_measured(scene):
    found = scored(scene)
    assert found["precision"].iloc[0] > 0.9
    assert found["recall"].iloc[0] > 0.9
    assert found.loc[["area_um2", "dry_mass_pg"], "r2"].min() > 0.8
    assert found["bias_percent"].drop("major_axis_um").abs().max() < 10


@pytest.mark.xfail(reason="trained for half an hour: long cells come out short", strict=True)
def test_the_length_of_cells_is_not_biased(scene):
    assert abs(scored(scene).loc["major_axis_um", "bias_percent"]) < 5


def test_tiles_have_the_cells_of_the_whole(scene):
    ds, _ = scene
    whole, tiled = (ds.lf.quantify(tile_px=px).lf.cells() for px in (None, 256))
    assert len(whole) == len(tiled)
    for metric in METRIC_UNITS:
        np.testing.assert_allclose(tiled[metric], whole[metric], rtol=1e-4)


def test_nothing_is_made_of_nothing():
    rng = np.random.default_rng(seeds.NOISE)
    empty = lf.from_opd(rng.normal(0, 1.5, (256, 256)), pixel_size_um=1.67)
    assert len(empty.lf.quantify().lf.cells()) == 0


def test_its_card_tells_where_it_ends():
    card = read_card("measure")
    assert set(card["network"]["trained_on"]["range"]) == set(METRIC_UNITS)
    assert set(card["network"]["se_factor"]) == set(METRIC_UNITS)
    assert "simulated" in card["training"]["truth"]
