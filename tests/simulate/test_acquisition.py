import numpy as np
import pytest

from lensfree_nb.contract import distance_of, hologram_of, setup_of
from lensfree_nb.errors import ParameterError
from lensfree_nb.io.acquisition import acquisition
from lensfree_nb.microscope import Setup
from lensfree_nb.simulate.acquisition import PAPER_SETUP, acquire, example
from lensfree_nb.simulate.camera import Counts
from lensfree_nb.simulate.culture import culture
from tests import seeds


def test_keeps_the_contract_and_has_the_noise_asked_for(cells_truth):
    quiet = acquire(
        cells_truth, (128, 160), rng=np.random.default_rng(seeds.PIXELS), noise=0.0, lines=2
    )
    noisy = acquire(
        cells_truth, (128, 160), rng=np.random.default_rng(seeds.PIXELS), noise=0.02, lines=2
    )
    assert hologram_of(noisy).dims == ("wavelength", "y", "x")
    assert setup_of(noisy).wavelength_nm == (640.0, 530.0, 450.0)
    ratio = noisy["hologram"] / quiet["hologram"] - 1
    assert float(ratio.std()) == pytest.approx(0.02, rel=0.05)


def test_cells_outside_the_sensor_send_their_fringes_in(cells_truth):
    inside = cells_truth[(cells_truth[["y_um", "x_um"]] > 30).all(axis=1)]
    rng = np.random.default_rng
    full = acquire(cells_truth, (96, 96), rng=rng(seeds.PIXELS), noise=0.0, lines=2)
    cut = acquire(inside, (96, 96), rng=rng(seeds.PIXELS), noise=0.0, lines=2)
    assert float(np.abs(full["hologram"] - cut["hologram"])[:, :10].max()) > 0.02


def test_uneven_light():
    ds = acquire(
        example_cells(),
        (64, 64),
        rng=np.random.default_rng(seeds.LIGHT),
        uneven=0.2,
        noise=0,
        lines=1,
    )
    assert float(np.ptp(ds["hologram"].values)) > 0.1


def example_cells():
    return culture((16, 16), 0.0, rng=np.random.default_rng(seeds.PIXELS)).iloc[:0]


def test_example_grows_and_is_the_same_for_everyone():
    (first, truth), (second, _) = (example(frames=2, size_px=96) for _ in range(2))
    assert first["hologram"].values.tobytes() == second["hologram"].values.tobytes()
    mass = truth.groupby("cell")["dry_mass_pg"].agg(["first", "last", "count"]).query("count == 2")
    assert (mass["last"] > mass["first"]).all()
    assert "distance" not in first.coords


HEIGHTS = Setup((530.0,) * 3, 1.67, (900.0, 1000.0, 1150.0))


def bare(shape, **options):
    rng = np.random.default_rng(seeds.SENSOR)
    return acquire(example_cells(), shape, rng=rng, **{"noise": 0.0, "lines": 1, **options})


def test_several_heights_run_along_plane(cells_truth):
    ds = acquire(
        cells_truth, (96, 112), rng=np.random.default_rng(seeds.SENSOR), setup=HEIGHTS, noise=0.0
    )
    assert hologram_of(ds).dims == ("plane", "y", "x")
    assert ds["wavelength"].dims == ("plane",)
    assert ds.attrs["simulated_distance_um"] == (900.0, 1000.0, 1150.0)
    ds = ds.assign_coords(distance=("plane", list(ds.attrs["simulated_distance_um"])))
    assert setup_of(ds).wavelength_nm == (530.0,) * 3
    assert distance_of(ds).values.tolist() == [900.0, 1000.0, 1150.0]
    # Each plane is the hologram that its height alone would give.
    single = Setup((530.0,), 1.67, (1150.0,))
    alone = acquire(
        cells_truth, (96, 112), rng=np.random.default_rng(seeds.SENSOR), setup=single, noise=0.0
    )
    assert alone["hologram"].dims == ("wavelength", "y", "x")
    inner = (slice(8, -8), slice(8, -8))
    np.testing.assert_allclose(
        ds["hologram"][2].values[inner], alone["hologram"][0].values[inner], atol=0.02
    )


def test_energy_is_kept_up_to_what_leaves_the_sensor(cells_truth):
    # Phase alone moves light and takes none: over a field with margins the mean stays 1.
    inside = cells_truth.query("60 < y_um < 260 and 60 < x_um < 260")
    ds = acquire(inside, (192, 192), rng=np.random.default_rng(seeds.SENSOR), noise=0.0, lines=2)
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
    ds = bare(
        shape, setup=Setup((530.0,), 1.0, (distance_um,)), absorption=absorption, oversampling=4
    )
    x = np.arange(256, 296) + 0.5 - 256
    sine, cosine = fresnel(x * np.sqrt(2 / (wavelength_um * distance_um)))
    expected = 0.5 * ((cosine + 0.5) ** 2 + (sine + 0.5) ** 2)
    found = ds["hologram"].values[0].mean(0)[256:296]
    np.testing.assert_allclose(found, expected, atol=0.05)


def test_bad_absorption_is_refused():
    with pytest.raises(ParameterError, match="absorption has shape"):
        bare((16, 16), absorption=np.zeros((8, 8)))
    with pytest.raises(ParameterError, match="negative or unknown"):
        bare((16, 16), absorption=-0.1)


def test_counts_are_what_a_camera_writes(cells_truth):
    camera = Counts(background=1000.0, offset=64.0, full_well=1200)
    plain, raw = (
        acquire(
            cells_truth, (96, 96), rng=np.random.default_rng(seeds.SENSOR), counts=counts, lines=2
        )
        for counts in (None, camera)
    )
    hologram = raw["hologram"]
    assert hologram.dtype == np.uint16
    assert (hologram.attrs["units"], hologram.attrs["full_scale"]) == ("counts", 1200.0)
    light = 64 + 1000 * plain["hologram"].values
    assert (light > 1200).any()
    assert np.abs(hologram.values - np.minimum(light, 1200)).max() <= 0.51
    assert hologram.max() == 1200


def test_counts_open_as_an_acquisition(cells_truth):
    camera = Counts(background=1000.0, offset=64.0, full_well=4095)
    raw = acquire(cells_truth, (64, 64), rng=np.random.default_rng(seeds.SENSOR), counts=camera)
    ds = acquisition(
        raw["hologram"], wavelength_nm=PAPER_SETUP.wavelength_nm,
        pixel_size_um=1.67, background=np.full((64, 64), 1064.0), dark=64.0,
    )  # fmt: skip
    plain = acquire(cells_truth, (64, 64), rng=np.random.default_rng(seeds.SENSOR))
    # Opening also levels the lamp of each exposure: equal up to a factor near 1.
    ratio = ds["hologram"] / plain["hologram"]
    level = ratio.median(("y", "x"))
    np.testing.assert_allclose(level, 1.0, atol=0.05)
    np.testing.assert_allclose(ds["hologram"] / level, plain["hologram"], atol=1.2e-3)
