import numpy as np
import pytest

from lensfree_nb.contract import hologram_of, setup_of
from lensfree_nb.simulate.acquisition import acquire, example


def test_keeps_the_contract_and_has_the_noise_asked_for(cells_truth):
    quiet = acquire(cells_truth, (128, 160), rng=np.random.default_rng(0), noise=0.0, lines=2)
    noisy = acquire(cells_truth, (128, 160), rng=np.random.default_rng(0), noise=0.02, lines=2)
    assert hologram_of(noisy).dims == ("wavelength", "y", "x")
    assert setup_of(noisy).wavelength_nm == (640.0, 530.0, 450.0)
    ratio = noisy["hologram"] / quiet["hologram"] - 1
    assert float(ratio.std()) == pytest.approx(0.02, rel=0.05)


def test_cells_outside_the_sensor_send_their_fringes_in(cells_truth):
    inside = cells_truth[(cells_truth[["y_um", "x_um"]] > 30).all(axis=1)]
    rng = np.random.default_rng
    full = acquire(cells_truth, (96, 96), rng=rng(0), noise=0.0, lines=2)
    cut = acquire(inside, (96, 96), rng=rng(0), noise=0.0, lines=2)
    assert float(np.abs(full["hologram"] - cut["hologram"])[:, :10].max()) > 0.02


def test_uneven_light():
    ds = acquire(
        example_cells(), (64, 64), rng=np.random.default_rng(3), uneven=0.2, noise=0, lines=1
    )
    assert float(np.ptp(ds["hologram"].values)) > 0.1


def example_cells():
    from lensfree_nb.simulate.culture import culture

    return culture((16, 16), 0.0, rng=np.random.default_rng(0)).iloc[:0]


def test_example_grows_and_is_the_same_for_everyone():
    (first, truth), (second, _) = (example(frames=2, size_px=96) for _ in range(2))
    assert first["hologram"].values.tobytes() == second["hologram"].values.tobytes()
    mass = truth.groupby("cell")["dry_mass_pg"].agg(["first", "last", "count"]).query("count == 2")
    assert (mass["last"] > mass["first"]).all()
    assert "distance" not in first.coords
