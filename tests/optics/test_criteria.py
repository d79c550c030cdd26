import numpy as np
import pytest
import torch

from lensfree_nb.errors import ParameterError
from lensfree_nb.microscope import Setup
from lensfree_nb.optics.criteria import CRITERIA
from lensfree_nb.optics.distance import sharpness_curve
from lensfree_nb.optics.propagation import propagate

SETUP = Setup((530.0,), 1.67)
DISTANCES = np.arange(700.0, 1301.0, 50.0)


def hologram(phase: float, absorption: float) -> torch.Tensor:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:256, :256]
    discs = np.zeros((256, 256), np.float32)
    for cy, cx in rng.uniform(60, 196, (12, 2)):
        discs[(y - cy) ** 2 + (x - cx) ** 2 < 36] = 1
    disc = torch.tensor(discs)
    field = torch.polar(torch.exp(-absorption * disc), phase * disc)
    return propagate(field, 1.67, 0.53, 1000.0).abs().square()[None]


def peak(image: torch.Tensor, criterion: str) -> float:
    return float(DISTANCES[np.argmax(sharpness_curve(image, SETUP, DISTANCES, criterion))])


@pytest.mark.parametrize("criterion", sorted(set(CRITERIA) - {"amplitude_flatness"}))
def test_absorbing_discs_are_sharpest_in_focus(criterion):
    image = hologram(0.0, 1.5)
    image[0, 100:103, 50:53] = np.nan  # unknown pixels are no obstacle
    assert peak(image, criterion) == pytest.approx(1000, abs=50)


@pytest.mark.parametrize("criterion", ["tamura_of_gradient", "gini_of_gradient"])
def test_gradient_criteria_see_phase_objects(criterion):
    assert peak(hologram(0.8, 0.0), criterion) == pytest.approx(1000, abs=100)


def test_amplitude_contrast_fails_on_phase_objects_as_documented():
    curve = sharpness_curve(hologram(0.8, 0.0), SETUP, DISTANCES, "amplitude_contrast")
    assert abs(DISTANCES[np.argmax(curve)] - 1000) >= 100


def test_values_against_their_definitions():
    rng = np.random.default_rng(1)
    a = rng.random((3, 20, 24)) + 0.5
    field = torch.tensor(a, dtype=torch.complex128)
    dy, dx = a[:, 1:, :-1] - a[:, :-1, :-1], a[:, :-1, 1:] - a[:, :-1, :-1]
    edges = np.hypot(dy, dx).reshape(3, -1)
    pairs = np.abs(edges[:, :, None] - edges[:, None, :]).mean((1, 2))
    expected = {
        "amplitude_contrast": a.var((1, 2)) / a.mean((1, 2)) ** 2,
        "amplitude_flatness": -a.var((1, 2)) / a.mean((1, 2)) ** 2,
        "tenengrad": (edges**2).mean(1),
        "brenner": ((a[..., 2:] - a[..., :-2]) ** 2).mean((1, 2)),
        "tamura_of_gradient": np.sqrt(edges.std(1) / edges.mean(1)),
        "gini_of_gradient": pairs / (2 * edges.mean(1)),  # half the mean relative difference
        "log_spectrum": np.log1p(
            np.abs(np.fft.rfft2(a - a.mean((1, 2), keepdims=True)))
        ).mean((1, 2)),
    }  # fmt: skip
    assert expected.keys() == CRITERIA.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(CRITERIA[name](field).numpy(), values, rtol=1e-9, err_msg=name)


def test_an_unknown_criterion_is_refused_by_name():
    with pytest.raises(ParameterError, match="tamura_of_gradient"):
        sharpness_curve(hologram(0.1, 0.0), SETUP, [1000.0], "sharp")
