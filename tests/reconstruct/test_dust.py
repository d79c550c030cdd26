import dataclasses

import numpy as np
import pytest
import torch
from scipy.ndimage import binary_erosion, label

from lensfree_nb.microscope import Setup
from lensfree_nb.nets.registry import find_model
from lensfree_nb.reconstruct.alternation import accelerated
from lensfree_nb.reconstruct.dust import dusty, missed
from lensfree_nb.reconstruct.misfit import Misfit
from lensfree_nb.simulate.acquisition import acquire
from lensfree_nb.simulate.dish import culture
from lensfree_nb.simulate.instrument import PRESETS
from lensfree_nb.simulate.light import dust as transmission
from tests import seeds

SETUP = Setup((640.0, 530.0, 450.0), 1.67, (1000.0,) * 3)
SIZE = 96


def disc(radius_px, centre=(40, 50)):
    y, x = np.ogrid[:SIZE, :SIZE]
    return torch.from_numpy(np.hypot(y - centre[0], x - centre[1]) < radius_px)


def shaded(radius_px, transmission=0.1, exposures=(0, 1, 2), **place):
    light = torch.ones(3, SIZE, SIZE)
    light[list(exposures)] -= (1 - transmission) * disc(radius_px, **place).float()
    return light


def found(light, setup=SETUP):
    return dusty(torch.nan_to_num(light), torch.isfinite(light).float(), setup)


@pytest.mark.parametrize("radius_px", [5, 7, 9])
@pytest.mark.parametrize("centre", [(40, 50), (0, 50), (95, 95)])
def test_a_speck_is_found_whole_and_little_around_it(radius_px, centre):
    mask = found(shaded(radius_px, centre=centre))
    assert bool(mask[disc(radius_px, centre)].all())
    assert not bool(mask[~disc(radius_px + 4, centre)].any())


@pytest.mark.parametrize(
    ("light", "setup"),
    [
        (torch.ones(3, SIZE, SIZE), SETUP),
        (shaded(6, exposures=(0, 1)), SETUP),
        (shaded(6, transmission=0.5), SETUP),
        (shaded(2), SETUP),
        (shaded(30), SETUP),
        (shaded(6), SETUP.at(30.0)),
        (shaded(6)[:1], Setup((530.0,), 1.67, (1000.0,))),
    ],
    ids=["nothing", "one colour is bright", "faint", "small", "shadow", "near", "one colour"],
)
def test_what_may_be_more_than_dust_stays(light, setup):
    assert not bool(found(light, setup).any())


def test_what_is_unknown_is_not_dark():
    light = torch.ones(3, SIZE, SIZE)
    light[:, disc(6)] = torch.nan
    assert not bool(found(light).any())
    two = shaded(6)
    two[1] = torch.nan
    assert bool(found(two)[disc(6)].all())


@pytest.mark.parametrize("preset", ["plain", "harsh"])
def test_fringes_of_a_crowd_are_not_taken_for_dust(preset):
    clean = dataclasses.replace(PRESETS[preset], dust_per_mm2=0.0)
    rng = np.random.default_rng(seeds.CELLS)
    cells = culture((256, 256), 500.0, rng=rng, kinds={"round": 0.2}, margin_um=160.0)
    raw = acquire(cells, (256, 256), rng=rng, instrument=clean)["hologram"].values
    misfit = Misfit(torch.from_numpy(raw.astype(np.float32)), clean.setup)
    assert bool((misfit.weight == 1).all())


@pytest.mark.parametrize("method", ["inverse", "accelerated"])
def test_a_speck_is_no_cell(holograms, method):
    clean = holograms.isel(time=0)
    dirty = clean.copy(deep=True)
    y, x = np.ogrid[:256, :256]
    speck = np.hypot(y - 120, x - 140) < 7
    dirty["hologram"][:] = clean["hologram"].values * (1 - 0.9 * speck)
    opd, right = (ds.lf.reconstruct(method, iterations=10)["opd"].values for ds in (dirty, clean))
    around = np.s_[80:160, 100:180]
    assert float(np.abs(opd - right)[around].max()) < 20
    assert float((opd - right)[around].std()) < 2


def cells_and_dust(preset, dust_per_mm2):
    """Amplitude of a crowded, simulated field (exposure, y, x), its light, and the dust on it."""
    instrument = dataclasses.replace(PRESETS[preset], dust_per_mm2=dust_per_mm2)
    rng = np.random.default_rng(seeds.CELLS)
    cells = culture((320, 320), 250.0, rng=rng, kinds={"round": 0.1}, margin_um=160.0)
    raw = acquire(cells, (320, 320), rng=rng, instrument=instrument)
    counts = raw["hologram"].values.astype(np.float32) - instrument.camera.offset
    setup = dataclasses.replace(instrument.setup, shift_um=instrument.shift_um)
    clear = transmission((320, 320), 1.67, dust_per_mm2, instrument.own_rng("light"))
    return torch.from_numpy(counts / counts.mean((1, 2), keepdims=True)), setup, clear


def test_what_a_network_cannot_explain_is_dust():
    hologram, setup, clear = cells_and_dust("harsh", 60.0)
    kernel = accelerated(find_model("accelerate"))
    misfit, drawing = kernel.drawn(hologram, setup)
    assert misfit.forget(misfit.missed(*drawing))
    unknown = (misfit.weight[0] == 0).numpy()
    deep, count = label(binary_erosion(clear < 0.25, iterations=2))
    assert count >= 2
    assert all(unknown[deep == n + 1].any() for n in range(count))
    assert clear[unknown].mean() < 0.7


def test_nothing_is_missed_where_there_is_no_dust():
    hologram, setup, _ = cells_and_dust("harsh", 0.0)
    misfit, drawing = accelerated(find_model("accelerate")).drawn(hologram, setup)
    assert not bool(misfit.missed(*drawing).any())
    assert not misfit.forget(misfit.weight[0] < 0)


def test_what_may_be_more_than_dust_is_not_missed():
    flat = torch.ones(3, SIZE, SIZE)
    speck, half = shaded(4), flat.clone()
    half[:, :40] = 0.1
    assert bool(missed(speck, flat, flat, SETUP)[disc(4)].all())
    assert not bool(missed(half, flat, flat, SETUP).any())
    assert not bool(missed(speck[:1], flat[:1], flat[:1], SETUP).any())
    assert not bool(missed(speck, flat, flat, SETUP.at(10.0)).any())
    # Wide beside sqrt(wavelength z), on a field of which it is a small part.
    field = torch.ones(3, 300, 300)
    wide = field.clone()
    wide[:, 100:125, 100:125] = 0.1
    assert not bool(missed(wide, field, field, SETUP).any())


def test_dust_is_vouched_for_by_nobody(dusty_frame):
    made = dusty_frame.lf.reconstruct("inverse", iterations=5, residual_map=True)
    at = {"y": 128, "x": 128}
    assert np.isnan(float(made["residual_map"].isel(at)))
    assert not bool(made["trusted"].isel(at))
    assert np.isfinite(made["residual_map"].isel(y=slice(0, 100))).all()


@pytest.fixture
def dusty_frame(holograms):
    """A frame with one dark speck in its middle."""
    ds = holograms.isel(time=0, y=slice(0, 256), x=slice(0, 256)).copy(deep=True)
    y, x = np.ogrid[:256, :256]
    ds["hologram"][:] = ds["hologram"] * (1 - 0.95 * (np.hypot(y - 128, x - 128) < 6))
    return ds
