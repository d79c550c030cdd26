"""Planes of a hologram: against light that is known, and what is refused."""

import numpy as np
import pint
import pytest
import torch
import xarray as xr

import lensfree_nb as lf
from lensfree_nb.errors import (
    DataError,
    DimensionError,
    DistanceError,
    ParameterError,
    QualityWarning,
)
from lensfree_nb.microscope import Setup
from lensfree_nb.optics.propagation import propagate
from lensfree_nb.refocus.holograms import refocus_holograms
from lensfree_nb.refocus.planes import planes, sharpest

PITCH, NM, NEAR, FAR = 2.0, 600.0, 900.0, 1500.0
SETUP = Setup((NM,), PITCH)
DEPTH = 0.8
SHAPE, PLACES = (128, 192), ((64, 48), (64, 144))


def disc(place):
    y, x = np.ogrid[: SHAPE[0], : SHAPE[1]]
    return torch.from_numpy(np.hypot(y - place[0], x - place[1]) < 4.5)


def hologram():
    """Two dark discs, one behind the other's plane: what the sensor sees, by the optics' floor."""
    field = torch.ones(SHAPE, dtype=torch.complex128)
    for z, place in ((NEAR, PLACES[0]), (FAR, PLACES[1])):
        opaque = disc(place).to(field.dtype)
        field = field + propagate(-DEPTH * opaque, PITCH, NM * 1e-3, z, pad_px=256) * torch.exp(
            torch.tensor(-2j * np.pi * z / (NM * 1e-3))
        )
    return field.abs().square().float()


def dataset(**options):
    given = {"wavelength_nm": NM, "pixel_size_um": PITCH, "distance_um": NEAR, **options}
    return lf.acquisition(hologram().numpy()[None], **given)


def test_a_disc_comes_back_in_its_plane_and_fades_in_others():
    # What a sensor sees is 1 + Re(o): half of the disc comes back, the other half is its twin.
    found = planes(hologram()[None], SETUP, (NEAR, FAR)).abs()[:, 0]
    inside = torch.stack([found[:, disc(place)].mean(1) for place in PLACES])
    for own, other in ((inside[0, 0], inside[0, 1]), (inside[1, 1], inside[1, 0])):
        assert float(own) == pytest.approx(1 - DEPTH / 2, abs=0.05)
        assert float(other) > 0.8


def test_the_sharpest_plane_is_each_discs_own():
    distances = np.linspace(600, 1800, 25)
    field, depth = sharpest(hologram()[None], SETUP, distances, window_px=6)
    for z, place in ((NEAR, PLACES[0]), (FAR, PLACES[1])):
        assert float(depth[place]) == pytest.approx(z, abs=60)
        assert float(field[0].abs()[disc(place)].mean()) == pytest.approx(1 - DEPTH / 2, abs=0.05)
    assert torch.isnan(depth).float().mean() > 0.3


def test_a_stack_says_where_its_planes_are():
    ds = dataset()
    stack = refocus_holograms(ds, [NEAR, FAR])
    assert stack["amplitude"].dims == ("distance", "wavelength", "y", "x")
    np.testing.assert_array_equal(stack["distance"], [NEAR, FAR])
    assert stack["phase"].attrs["units"] == "rad"
    assert "hologram" not in stack
    one = refocus_holograms(ds)
    assert one["amplitude"].dims == ("wavelength", "y", "x")
    assert float(one["distance"]) == NEAR
    np.testing.assert_array_equal(one["amplitude"], stack["amplitude"][0])


def test_lazy_is_eager_and_the_depth_comes_with_what_is_joined(no_compute):
    eager = dataset()
    frames = xr.concat([eager["hologram"], eager["hologram"][..., ::-1]], "time")
    ds = eager.drop_vars("hologram").assign(hologram=frames.assign_attrs(eager.hologram.attrs))
    distances = [NEAR, 1200.0, FAR]
    whole = refocus_holograms(ds, distances, extended=True)
    with no_compute():
        lazy = refocus_holograms(ds.chunk({"y": 50}), distances, extended=True)
    assert lazy["depth"].chunks is not None
    assert lazy["depth"].dims == ("time", "y", "x")
    assert lazy["depth"].attrs["units"] == "um"
    xr.testing.assert_equal(lazy.compute(), whole)
    stack = refocus_holograms(ds.chunk({"time": 1}), distances)
    assert stack["amplitude"].sizes["distance"] == 3
    xr.testing.assert_equal(stack.compute(), refocus_holograms(ds, distances))


@pytest.mark.parametrize("extended", [False, True])
def test_a_frame_that_cannot_be_used_costs_no_other(extended):
    eager = dataset()
    dark = eager["hologram"] * 0
    frames = xr.concat([eager["hologram"], dark], "time").assign_attrs(eager.hologram.attrs)
    ds = eager.drop_vars("hologram").assign(hologram=frames)
    with pytest.warns(QualityWarning, match="dark"):
        found = refocus_holograms(ds, [NEAR, FAR], extended=extended)
    assert bool(found["amplitude"].isel(time=1).isnull().all())
    alone = refocus_holograms(eager, [NEAR, FAR], extended=extended)
    np.testing.assert_array_equal(found["amplitude"].isel(time=0), alone["amplitude"])


def test_distances_come_with_their_unit_too():
    ds = dataset()
    plain = refocus_holograms(ds, [NEAR, FAR])
    held = xr.DataArray([NEAR * 1e-3, FAR * 1e-3], dims="distance", attrs={"units": "mm"})
    for given in (held, pint.UnitRegistry().Quantity([NEAR * 1e-3, FAR * 1e-3], "mm")):
        xr.testing.assert_allclose(refocus_holograms(ds, given)["amplitude"], plain["amplitude"])


def test_transparent_objects_show_least_in_focus():
    thin = torch.polar(torch.ones(SHAPE), 1.0 * disc(PLACES[0]).float()).to(torch.complex128)
    wave = propagate(thin - 1, PITCH, NM * 1e-3, NEAR, pad_px=256)
    wave = 1 + wave * torch.exp(torch.tensor(-2j * np.pi * NEAR / (NM * 1e-3)))
    seen = wave.abs().square().float()[None]
    distances = (500.0, 700.0, NEAR, 1100.0, 1300.0)
    _, depth = sharpest(seen, SETUP, distances, window_px=6, objects="transparent")
    assert float(depth[PLACES[0]]) == NEAR


def test_what_cannot_be_refocused_is_refused():
    ds = dataset()
    for wrong in (-5.0, np.nan, [], [900.0, np.inf]):
        with pytest.raises(DistanceError):
            refocus_holograms(ds, wrong)
    with pytest.raises(DimensionError):
        refocus_holograms(ds, [[900.0]])
    with pytest.raises(DistanceError, match="several"):
        refocus_holograms(ds, 900.0, extended=True)
    with pytest.raises(ParameterError, match="objects"):
        refocus_holograms(ds, [900.0, 950.0], extended=True, objects="green")
    with pytest.raises(DistanceError, match="distance_um"):
        refocus_holograms(dataset(distance_um=None))
    with pytest.raises(DataError, match="known"):
        refocus_holograms(ds.assign(hologram=ds.hologram * np.nan))
