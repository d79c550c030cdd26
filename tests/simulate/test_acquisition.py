from dataclasses import replace

import numpy as np
import pytest

from lensfree_nb.contract import distance_of, hologram_of, setup_of
from lensfree_nb.errors import ParameterError
from lensfree_nb.io.acquisition import acquisition
from lensfree_nb.microscope import Setup
from lensfree_nb.simulate.acquisition import acquire, example
from lensfree_nb.simulate.camera import Camera
from lensfree_nb.simulate.instrument import PAPER_SETUP, PRESETS, Instrument
from tests import seeds

CLEAN = Instrument(lines=2)
HEIGHTS = Setup((530.0,) * 3, 1.67, (900.0, 1000.0, 1150.0))


def rng():
    return np.random.default_rng(seeds.SENSOR)


def bare(shape, instrument=None, **options):
    return acquire(
        None, shape, rng=rng(), instrument=instrument or replace(CLEAN, lines=1), **options
    )


def test_keeps_the_contract_and_has_the_noise_asked_for(cells_truth):
    quiet, noisy = (
        acquire(cells_truth, (128, 160), rng=rng(), instrument=replace(CLEAN, camera=camera))
        for camera in (Camera(), Camera(relative_noise=0.02))
    )
    assert hologram_of(noisy).dims == ("wavelength", "y", "x")
    assert noisy["hologram"].dtype == np.float32
    assert setup_of(noisy).wavelength_nm == (640.0, 530.0, 450.0)
    ratio = noisy["hologram"] / quiet["hologram"] - 1
    assert float(ratio.std()) == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_the_same_for_everyone_and_opens(preset, cells_truth):
    first, second = (
        acquire(cells_truth, (96, 112), rng=rng(), instrument=preset) for _ in range(2)
    )
    assert first["hologram"].values.tobytes() == second["hologram"].values.tobytes()
    ds = acquisition(
        first["hologram"], wavelength_nm=PAPER_SETUP.wavelength_nm, pixel_size_um=1.67,
        background="frame" if preset in ("paper", "harsh") else None,
    )  # fmt: skip
    assert float(ds["hologram"].mean()) == pytest.approx(1, abs=0.1)
    assert float(ds["hologram"].std()) > 0.1


def test_cells_outside_the_sensor_send_their_fringes_in(cells_truth):
    inside = cells_truth[(cells_truth[["y_um", "x_um"]] > 30).all(axis=1)]
    full, cut = (
        acquire(cells, (96, 96), rng=rng(), instrument=CLEAN) for cells in (cells_truth, inside)
    )
    assert float(np.abs(full["hologram"] - cut["hologram"])[:, :10].max()) > 0.02


def test_example_grows_and_is_the_same_for_everyone():
    (first, truth), (second, _) = (example(frames=2, size_px=96) for _ in range(2))
    assert first["hologram"].values.tobytes() == second["hologram"].values.tobytes()
    mass = truth.groupby("cell")["dry_mass_pg"].agg(["first", "last", "count"]).query("count == 2")
    assert (mass["last"] > mass["first"]).all()
    assert "distance" not in first.coords


def test_several_heights_run_along_plane(cells_truth):
    many = replace(CLEAN, setup=HEIGHTS)
    ds = acquire(cells_truth, (96, 112), rng=rng(), instrument=many)
    assert hologram_of(ds).dims == ("plane", "y", "x")
    assert ds["wavelength"].dims == ("plane",)
    assert ds.attrs["simulated_distance_um"] == (900.0, 1000.0, 1150.0)
    ds = ds.assign_coords(distance=("plane", list(ds.attrs["simulated_distance_um"])))
    assert distance_of(ds).values.tolist() == [900.0, 1000.0, 1150.0]
    # Each plane is the hologram that its height alone would give.
    single = replace(CLEAN, setup=Setup((530.0,), 1.67, (1150.0,)))
    alone = acquire(cells_truth, (96, 112), rng=rng(), instrument=single)
    assert alone["hologram"].dims == ("wavelength", "y", "x")
    np.testing.assert_allclose(ds["hologram"][2], alone["hologram"][0], atol=0.02)


def test_light_that_lacks_nothing_but_phase_keeps_its_energy(cells_truth):
    # Phase alone moves light and takes none: over a field with margins the mean stays 1.
    inside = cells_truth.query("60 < y_um < 260 and 60 < x_um < 260")
    ds = acquire(inside, (192, 192), rng=rng(), instrument=CLEAN)
    assert float(ds["hologram"].std()) > 0.05
    np.testing.assert_allclose(ds["hologram"].mean(("y", "x")), 1.0, atol=0.01)


def test_a_uniform_absorption_dims_the_light_and_does_nothing_else():
    ds = bare((48, 40), absorption=0.3)
    np.testing.assert_allclose(ds["hologram"], np.exp(-0.6), rtol=1e-5)
    np.testing.assert_array_equal(ds["truth_absorption"], np.float32(0.3))
    assert float(ds["truth_opd"].max()) == 0.0


def test_an_opaque_half_plane_is_the_fresnel_edge():
    from scipy.special import fresnel

    shape, distance_um, wavelength_um = (32, 512), 200.0, 0.53
    absorption = np.zeros(shape, np.float32)
    absorption[:, :256] = 20.0
    # Closed at the other ends, too: far from there, only the edge in the middle matters.
    knife = Instrument(setup=Setup((530.0,), 1.0, (distance_um,)), lines=1, oversampling=4)
    ds = bare(shape, knife, absorption=absorption)
    x = np.arange(256, 296) + 0.5 - 256
    sine, cosine = fresnel(x * np.sqrt(2 / (wavelength_um * distance_um)))
    expected = 0.5 * ((cosine + 0.5) ** 2 + (sine + 0.5) ** 2)
    found = ds["hologram"].values[0].mean(0)[256:296]
    np.testing.assert_allclose(found, expected, atol=0.05)


def test_bad_input_is_refused(cells_truth):
    with pytest.raises(ParameterError, match="absorption has shape"):
        bare((16, 16), absorption=np.zeros((8, 8)))
    with pytest.raises(ParameterError, match="negative or unknown"):
        bare((16, 16), absorption=-0.1)
    with pytest.raises(ParameterError, match="opd_nm has"):
        bare((16, 16), opd_nm=np.full((16, 16), np.nan))
    with pytest.raises(ParameterError, match="ideal, plain, paper, harsh"):
        bare((16, 16), "perfect")


def test_counts_are_what_a_camera_writes(cells_truth):
    camera = Camera(bits=10, exposure=0.7, offset=64.0)
    plain, raw = (
        acquire(cells_truth, (96, 96), rng=rng(), instrument=replace(CLEAN, camera=c))
        for c in (Camera(), camera)
    )
    hologram = raw["hologram"]
    assert hologram.dtype == np.uint16
    assert (hologram.attrs["units"], hologram.attrs["full_scale"]) == ("counts", 1023.0)
    light = 64 + 0.7 * (1023 - 64) * plain["hologram"].values
    assert (light > 1023).any()
    assert np.abs(hologram.values - np.minimum(light, 1023)).max() <= 0.51


def test_a_frame_keeps_the_instrument_and_changes_its_noise(cells_truth):
    noisy = replace(PRESETS["harsh"], slope_um_per_mm=(0.0, 0.0), lines=1)
    frames = [
        acquire(cells_truth, (96, 96), rng=np.random.default_rng(seed), instrument=noisy)
        for seed in (1, 2)
    ]
    first, second = (f["hologram"].values.astype(float) for f in frames)
    assert not np.array_equal(first, second)
    ratio = first / np.maximum(second, 1)
    assert ratio.mean() != pytest.approx(1, abs=1e-3)  # the lamp drifts
    assert abs(np.corrcoef(ratio[0].ravel(), ratio[1].ravel())[0, 1]) < 0.1
