"""The simulated light against direct sums over points, and each imperfection by itself."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lensfree_nb.errors import DistanceError, ParameterError
from lensfree_nb.microscope import Setup
from lensfree_nb.simulate.instrument import PRESETS, Instrument, instrument_of
from lensfree_nb.simulate.light import Stage, dust, intensity, uneven_light
from tests import seeds

ONE = Setup((530.0,), 1.67, (300.0,))
PURE = Instrument(setup=ONE, lines=1, fill=1e-6)


def object_on(stage, height_nm=120.0, where=(0.0, 0.0), width_um=6.0):
    first = stage.field.origin_um
    y, x = (torch.arange(n) * stage.pitch_um + o for n, o in zip(stage.shape, first, strict=True))
    middle = [n * 1.67 / 2 for n in stage.sensor]
    squared = (y[:, None] - middle[0] - where[0]) ** 2 + (x[None] - middle[1] - where[1]) ** 2
    return height_nm * torch.exp(-squared / width_um**2)


def fallen(instrument=PURE, sensor=(64, 72), **where):
    stage = Stage.around(sensor, instrument)
    opd = object_on(stage, **where)
    return intensity(opd, torch.zeros_like(opd), instrument, 0, stage).numpy(), stage, opd


def direct(opd, stage, distance_um, points_um):
    """First Rayleigh-Sommerfeld integral of ``exp(i phase) - 1``, summed point by point."""
    wavelength, k = 0.53, 2 * np.pi / 0.53
    rows, columns = np.nonzero(opd.numpy() > 1e-4)
    origin = stage.field.origin_um
    y, x = rows * stage.pitch_um + origin[0], columns * stage.pitch_um + origin[1]
    wave = np.exp(2j * np.pi * opd.numpy()[rows, columns].astype(float) * 1e-3 / wavelength) - 1
    found = []
    for py, px in points_um:
        r = np.sqrt((py - y) ** 2 + (px - x) ** 2 + distance_um**2)
        kernel = distance_um / (2 * np.pi * r**2) * (1 / r - 1j * k) * np.exp(1j * k * r)
        scattered = (wave * kernel).sum() * stage.pitch_um**2
        found.append(abs(1 + scattered * np.exp(-1j * k * distance_um)) ** 2)
    return np.array(found)


def test_a_direct_sum_gives_the_same_light():
    found, stage, opd = fallen()
    rows, columns = np.mgrid[8:56:8, 8:64:8].reshape(2, -1)
    expected = direct(opd, stage, 300.0, np.stack([rows, columns], 1) * 1.67)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(found[rows, columns], expected, atol=1e-3)


def test_a_tilted_dish_is_nearer_on_one_side():
    slope = (200.0, -100.0)
    tilted, stage, opd = fallen(replace(PURE, slope_um_per_mm=slope), where=(20.0, -25.0))
    # Where the object is alone, its light is that of its own distance.
    rows, columns = np.mgrid[40:56:4, 12:28:4].reshape(2, -1)
    points = np.stack([rows, columns], 1) * 1.67
    rise = (points - np.array([32, 36]) * 1.67) @ np.array(slope) * 1e-3
    expected = [direct(opd, stage, 300.0 + r, [p])[0] for r, p in zip(rise, points, strict=True)]
    np.testing.assert_allclose(tilted[rows, columns], expected, atol=5e-3)
    level = fallen(where=(20.0, -25.0))[0]
    assert np.abs(tilted - level).max() > 0.02


def test_the_light_emitting_diodes_sit_side_by_side():
    moved = fallen(replace(PURE, shift_um=((1.67 * 3, -1.67 * 2),)))[0]
    straight = fallen()[0]
    np.testing.assert_allclose(moved[10:50, 10:50], straight[7:47, 12:52], atol=2e-3)


def test_source_pixel_and_bandwidth_blur():
    sharp = fallen(width_um=2.0)[0].std()
    wide = replace(ONE, source_diameter_um=400.0, source_distance_mm=50.0)
    broad = replace(ONE, bandwidth_nm=60.0)
    for blurred in (
        replace(PURE, setup=wide), replace(PURE, setup=broad, lines=9), replace(PURE, fill=1.0),
    ):  # fmt: skip
        assert fallen(blurred, width_um=2.0)[0].std() < 0.99 * sharp


def test_samples_are_those_of_the_pixels_centre():
    coarse, fine = (fallen(replace(PURE, oversampling=n))[0] for n in (2, 4))
    np.testing.assert_allclose(coarse, fine, atol=2e-3)


def test_uneven_light_is_slow_and_dust_is_not():
    rng = np.random.default_rng(seeds.LIGHT)
    light = uneven_light((200, 300), 0.2, rng)
    assert 0.05 < np.ptp(light) < 0.8
    assert np.abs(np.diff(light, axis=1)).max() < 0.01
    clear = dust((200, 300), 1.67, 40.0, rng)
    assert 0.05 <= clear.min() < 0.9 < np.median(clear) == 1
    assert (uneven_light((8, 8), 0.0, rng) == 1).all()
    assert (dust((8, 8), 1.67, 0.0, rng) == 1).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lines": 0}, "lines is 0"),
        ({"fill": 0.0}, "fill is 0"),
        ({"shift_um": ((0.0, 0.0),) * 2}, "2 pairs for 3"),
        ({"uneven": 1.0}, "uneven is 1"),
    ],
)
def test_impossible_instruments(options, words):
    with pytest.raises(ParameterError, match=words):
        Instrument(**options)


def test_presets_grow_harder():
    assert instrument_of("paper") is PRESETS["paper"]
    assert PRESETS["harsh"].at(800.0).setup.distance_um == (800.0,) * 3
    assert PRESETS["harsh"].camera.full_well_e < PRESETS["paper"].camera.full_well_e


def test_a_periodic_field_is_seen_as_one_with_a_margin():
    near = replace(PRESETS["plain"], setup=PRESETS["plain"].setup.at(300.0), shift_um=((1, 2),) * 3)
    wide, round_ = Stage.around((128, 144), near), Stage.periodic((128, 144), near)
    for exposure in range(3):
        seen = []
        for stage in (wide, round_):
            opd = object_on(stage, height_nm=200.0)
            seen.append(intensity(opd, torch.zeros_like(opd), near, exposure, stage))
        torch.testing.assert_close(*seen, atol=2e-3, rtol=0)


def test_what_is_kept_changes_nothing():
    harsh, kept = PRESETS["harsh"], {}
    stage = Stage.periodic((48, 64), harsh)
    opd = object_on(stage)
    fresh, first, again = (
        intensity(opd, torch.zeros_like(opd), harsh, 1, stage, keep) for keep in (None, kept, kept)
    )
    assert len(kept) > 5
    assert torch.equal(fresh, first)
    assert torch.equal(first, again)


@pytest.mark.parametrize("slope", [40.0, 120.0, 400.0])
def test_a_steep_dish_is_at_each_place_what_a_level_one_is_at_that_distance(slope):
    level = Instrument(setup=ONE, lines=1)
    tilted = replace(level, slope_um_per_mm=(0.0, slope))
    stage = Stage.around((48, 300), tilted)
    seen = []
    for column in (70.0, 150.0, 230.0):
        opd = object_on(stage, where=(0.0, (column - 150) * 1.67), width_um=5.0)
        far = 300.0 + slope * 1e-3 * (column - 150) * 1.67
        flat = torch.zeros_like(opd)
        part = slice(int(column) - 15, int(column) + 16)
        found, expected = (
            intensity(opd, flat, instrument, 0, stage).numpy()[:, part]
            for instrument in (tilted, level.at(far))
        )
        seen.append(np.sqrt(np.mean((found - expected) ** 2)) / expected.std())
    # Within the fringes themselves the distance changes by some per cent of itself.
    assert max(seen) < 0.004 * slope**0.5


def test_a_dish_cannot_touch_the_sensor_nor_be_far_beyond_it():
    with pytest.raises(DistanceError, match="slope_um_per_mm"):
        fallen(replace(PURE, slope_um_per_mm=(0.0, 3000.0)))
    with pytest.raises(DistanceError, match="fringes reach"):
        Stage.around((64, 64), PURE.at(50_000.0))


def test_uneven_light_keeps_to_its_amplitude():
    many = [uneven_light((40, 50), 0.9, np.random.default_rng(n)) for n in range(60)]
    assert max(float(np.abs(light - 1).max()) for light in many) <= 0.9 + 1e-6
    assert min(float(light.min()) for light in many) > 0
