"""What goes wrong in a real dish costs what it touches, and is told."""

from contextlib import nullcontext
from functools import cache

import numpy as np
import pytest
import xarray as xr

from lensfree_nb.errors import DistanceError, ParameterError, QualityWarning
from tests import seeds

METHODS = ["inverse", "accelerated"]
QUICK = {"iterations": 10}


def telling(tile_px):
    """A tile of which nothing was recorded is told; of a whole frame there is no such tile."""
    words = "nothing was recorded in rows .* of a frame"
    return pytest.warns(QualityWarning, match=words) if tile_px else nullcontext()


@pytest.fixture(scope="module")
def good(holograms):
    """The first frame, with nothing wrong, by each method and quickly."""
    return cache(lambda method: holograms.isel(time=0).lf.reconstruct(method, **QUICK))


@pytest.fixture(scope="module")
def in_full(holograms):
    """The same as a user has it."""
    return holograms.isel(time=0).lf.reconstruct("accelerated")


def rms(image):
    return float(np.sqrt((image.astype(float) ** 2).mean()))


@pytest.mark.parametrize("method", METHODS)
def test_a_tile_with_nothing_in_it(holograms, method):
    rng = np.random.default_rng(seeds.NOISE)
    frame = holograms.isel(time=0).copy(deep=True)
    frame["hologram"][:, :, 128:] = 1 + 0.01 * rng.standard_normal((3, 256, 128))
    found = frame.lf.reconstruct(method, tile_px=128, halo_px=0, residual_map=True, **QUICK)
    assert rms(found["opd"][:, 160:]) < 5
    assert bool(found["trusted"][:, 160:].all())
    assert np.isfinite(found["opd"]).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_saturated_corner(holograms, good, method):
    frame = holograms.isel(time=0).copy(deep=True)
    frame["hologram"][:, :70, :70] = np.nan
    found = frame.lf.reconstruct(method, **QUICK)
    assert bool(found["trusted"])
    gap = found["opd"] - good(method)["opd"]
    assert rms(gap[150:, 150:]) < 2
    # What was not recorded is not made up: but its rim is seen from beside.
    assert np.isnan(found["opd"][:50, :50]).all()
    assert np.isnan(found["absorption"][:50, :50]).all()
    outside = np.ones(found["opd"].shape, bool)
    outside[:70, :70] = False
    assert np.isfinite(found["opd"].values[outside]).all()


@pytest.mark.parametrize("method", METHODS)
def test_cells_that_were_not_recorded_are_no_trusted_rows(holograms, method):
    # Their fringes reach beyond what was lost: of some an inversion makes a cell all the same.
    frame = holograms.isel(time=0).copy(deep=True)
    frame["hologram"][:, :, :70] = np.nan
    table = frame.lf.reconstruct(method).lf.cells()
    lost = table["x_um"] / 1.67 < 69.5
    assert not table.loc[lost, "trusted"].any()
    assert table.loc[~lost, "trusted"].sum() > 15


def test_a_distance_that_was_not_found_is_told(holograms):
    with pytest.raises(DistanceError, match="not known, as find_distance says"):
        holograms.isel(time=0).assign_coords(distance=np.nan).lf.reconstruct(**QUICK)


def test_what_names_no_device_is_refused_before_the_work(holograms):
    with pytest.raises(ParameterError, match="device is 'gpu'"):
        holograms.chunk().lf.reconstruct(device="gpu")
    with pytest.raises(ParameterError, match="residual_map is 'no'"):
        holograms.lf.reconstruct(residual_map="no")


@pytest.mark.parametrize("method", METHODS)
def test_what_was_not_recorded_is_not_vouched_for(holograms, method):
    frame = holograms.isel(time=0).copy(deep=True)
    frame["hologram"][:, :70, :70] = np.nan
    found = frame.lf.reconstruct(method, residual_map=True, **QUICK)
    assert not bool(found["trusted"][:60, :60].any())
    assert bool(found["trusted"][90:, 90:].all())
    assert bool(found["residual_map"][:70, :70].isnull().all())
    assert bool(found["residual_map"][70:, 70:].notnull().all())
    share = float((found["residual_map"] ** 2).mean() ** 0.5)
    assert share == pytest.approx(float(found["residual"]), rel=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_a_frame_of_which_little_is_known_is_not_trusted(holograms, method):
    frame = holograms.isel(time=0).copy(deep=True)
    frame["hologram"][:, :200] = np.nan
    assert not bool(frame.lf.reconstruct(method, **QUICK)["trusted"])


@pytest.mark.parametrize("tile_px", [None, 128])
@pytest.mark.parametrize("method", METHODS)
def test_a_tile_of_which_nothing_was_recorded_costs_no_other(holograms, method, tile_px):
    frame = holograms.isel(time=0).copy(deep=True)
    frame["hologram"][:, 128:, 128:] = np.nan
    options = {"tile_px": tile_px, "halo_px": 0, "residual_map": True, **QUICK}
    with telling(tile_px):
        found = frame.lf.reconstruct(method, **options)
    assert float(found["residual"]) < 0.5
    assert np.isnan(found["opd"][160:, 160:]).all()
    assert np.isfinite(found["opd"][:128, :128]).all()
    assert not bool(found["trusted"][160:, 160:].any())
    assert bool(found["trusted"][30:90, 30:90].all())
    with telling(tile_px):
        lazy = frame.chunk(y=128, x=128).lf.reconstruct(method, **options).compute()
    np.testing.assert_array_equal(lazy["opd"], found["opd"])
    np.testing.assert_array_equal(lazy["residual"], found["residual"])


def test_tiles_that_the_camera_saturated_are_not_recorded(holograms):
    frame = holograms.isel(time=0).copy(deep=True)
    frame["hologram"][:, 128:, 128:] = 9.0
    frame["hologram"].attrs["full_scale"] = 9.0
    with telling(128):
        found = frame.lf.reconstruct(tile_px=128, halo_px=0, **QUICK)
    assert np.isnan(found["opd"][160:, 160:]).all()
    assert bool(found["trusted"])


def test_a_frame_lost_in_all_its_tiles_is_not_trusted(holograms):
    frame = holograms.isel(time=0)
    lost = frame.assign(hologram=frame["hologram"] * np.nan)
    with telling(128):
        found = lost.lf.reconstruct("accelerated", tile_px=128, residual_map=True, **QUICK)
    assert not bool(found["trusted"].any())
    assert np.isnan(found["residual"])


@pytest.mark.parametrize("dead", [0, 1, 2])
@pytest.mark.parametrize("method", METHODS)
def test_a_frame_with_a_dead_colour_is_shown_and_flagged(holograms, good, method, dead):
    broken = holograms.copy(deep=True)
    broken["hologram"][0, dead] = np.nan
    found = broken.lf.reconstruct(method, **QUICK)
    assert found["trusted"].values.tolist() == [False, True]
    assert rms(found["opd"][0] - good(method)["opd"]) < 5
    assert not found.isel(time=0).lf.cells()["trusted"].any()


def test_half_of_a_colour_is_enough(holograms):
    frame = holograms.isel(time=0).copy(deep=True)
    frame["hologram"][2, :120] = np.nan
    assert bool(frame.lf.reconstruct("accelerated")["trusted"])
    frame["hologram"][2, :140] = np.nan
    assert not bool(frame.lf.reconstruct("accelerated")["trusted"])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("background_px", [None, 40.0])
def test_a_dead_colour_leaves_numbers(holograms, method, background_px):
    frame = holograms.isel(time=0, y=slice(0, 96), x=slice(0, 96)).copy(deep=True)
    frame["hologram"][0] = np.nan
    found = frame.lf.reconstruct(method, background_px=background_px, **QUICK)
    assert np.isfinite(found["opd"]).all()
    assert np.isfinite(found["residual"])


@pytest.mark.parametrize("dead", [0, 1, 2])
@pytest.mark.parametrize("criterion", ["inversion", "network"])
def test_a_dead_colour_costs_no_focus(holograms, dead, criterion):
    frame = holograms.isel(time=0).copy(deep=True)
    frame["hologram"][dead] = np.nan
    found = frame.lf.find_distance(criterion=criterion, range_um=(800, 1300))
    assert float(found["distance"]) == pytest.approx(1000, abs=30)


def test_a_tilt_is_found_beside_what_is_lost(holograms):
    broken = holograms.copy(deep=True)
    broken["hologram"][0] = np.nan
    broken["hologram"][1, :, :80, :80] = np.nan
    found = broken.lf.find_tilt()
    assert float(found["distance"]) == pytest.approx(1000, abs=5)
    saturated = broken.copy(deep=True)
    saturated["hologram"][1, :, :80, :80] = 9.0
    saturated["hologram"].attrs["full_scale"] = 9.0
    xr.testing.assert_identical(saturated.lf.find_tilt()["distance"], found["distance"])


@pytest.mark.parametrize("order", [[2, 1, 0], [0, 2, 1]])
def test_colours_in_the_wrong_order_are_not_trusted(holograms, in_full, order):
    frame = holograms.isel(time=0)
    mixed = frame.assign(hologram=frame["hologram"].copy(data=frame["hologram"].values[order]))
    assert bool(in_full["trusted"])
    assert not bool(mixed.lf.reconstruct("accelerated")["trusted"])


@pytest.mark.parametrize("method", METHODS)
def test_a_frame_that_is_lost_costs_itself_alone(holograms, method):
    broken = holograms.copy(deep=True)
    broken["hologram"][0] = np.nan
    with pytest.warns(QualityWarning, match="frame 0 is flagged"):
        found = broken.lf.reconstruct(method, **QUICK)
    alone = holograms.isel(time=1).lf.reconstruct(method, **QUICK)
    assert found["trusted"].values.tolist() == [False, True]
    np.testing.assert_array_equal(found["opd"][1], alone["opd"])
    if "defocus" in found:
        assert np.isnan(found["defocus"][0])
