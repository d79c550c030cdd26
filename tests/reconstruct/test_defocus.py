import numpy as np
import pytest
import xarray as xr

from lensfree_nb.reconstruct.defocus import MOST_UM, PLACES_UM, parabola_um
from tests import seeds


def test_the_lowest_point_of_a_parabola():
    at = (xr.DataArray(0.1 + 2e-5 * (z - 12.0) ** 2) for z in PLACES_UM)
    assert float(parabola_um(*at)) == pytest.approx(12.0)


def test_where_there_is_no_lowest_point():
    hill = (xr.DataArray(-((z / 30) ** 2)) for z in PLACES_UM)
    assert np.isnan(parabola_um(*hill))
    flat = (xr.DataArray(7.0 + 1e-9 * z**2) for z in PLACES_UM)
    assert np.isnan(parabola_um(*flat))
    far = (xr.DataArray((z - 300.0) ** 2) for z in PLACES_UM)
    assert float(parabola_um(*far)) == 90


def test_a_wrong_distance_is_told_and_flagged(holograms):
    frame = holograms.isel(time=0)

    def found(further):
        return frame.assign_coords(distance=frame["distance"] + further).lf.reconstruct(
            "accelerated"
        )

    right = found(0.0)
    assert abs(float(right["defocus"])) < 10
    assert bool(right["trusted"])
    for amiss in (-50.0, 50.0):
        wrong = found(amiss)
        assert MOST_UM < -np.sign(amiss) * float(wrong["defocus"]) < 90
        assert not bool(wrong["trusted"])
        assert float(wrong["residual"]) > 1.3 * float(right["residual"])


def test_where_no_defocus_can_be_told_nothing_is_trusted(holograms):
    rng = np.random.default_rng(seeds.NOISE)
    empty = holograms.isel(time=0).copy(deep=True)
    empty["hologram"][:] = 1 + 0.01 * rng.standard_normal(empty["hologram"].shape)
    found = empty.lf.reconstruct("accelerated", trust_residual=2.0)
    assert np.isnan(float(found["defocus"]))
    assert not bool(found["trusted"])


def test_light_alone_tells_no_defocus(holograms):
    assert "defocus" not in holograms.isel(time=0).lf.reconstruct("inverse", iterations=2)


def test_the_tiles_of_a_frame_tell_together(holograms, no_compute):
    frame = holograms.isel(time=[0])
    whole = frame.lf.reconstruct("accelerated")
    with no_compute():
        lazy = frame.chunk(y=100).lf.reconstruct("accelerated", tile_px=128)
    assert lazy["defocus"].dims == ("time",)
    np.testing.assert_allclose(lazy["defocus"].compute(), whole["defocus"], atol=3)
