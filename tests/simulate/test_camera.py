import numpy as np
import pytest
import torch

from lensfree_nb.errors import ParameterError
from lensfree_nb.simulate.camera import Camera
from tests import seeds


def generator():
    return torch.Generator().manual_seed(seeds.SENSOR)


def test_dark_bare_and_saturated():
    camera = Camera(bits=12, exposure=0.5, offset=95.0)
    found = camera.record(torch.tensor([[0.0, 0.5, 1.0, 2.0, 3.0]]), generator())
    assert found.tolist() == [[95, 1095, 2095, 4095, 4095]]


@pytest.mark.parametrize("level", [0.1, 0.5, 1.0, 1.5])
def test_variance_is_that_of_photons_and_reading(level):
    camera = Camera(full_well_e=10_000.0, exposure=0.5, read_noise_e=30.0)
    light = camera.record(torch.full((400, 400), level), generator()).numpy()
    electrons = level * 5_000
    assert light.mean() == pytest.approx(level, rel=2e-3)
    assert light.var() * 5_000**2 == pytest.approx(electrons + 900, rel=0.02)


def test_simple_noise_grows_with_the_light_and_brightness_scales_it():
    camera = Camera(relative_noise=0.02)
    light = camera.record(torch.full((300, 300), 2.0), generator(), 0.5).numpy()
    assert (light.mean(), light.std()) == pytest.approx((1.0, 0.02), rel=0.02)
    assert Camera().record(torch.ones(2, 2), generator()).numpy().dtype == np.float32


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"full_well_e": 0.0}, "full_well_e is 0"),
        ({"exposure": 1.5}, "exposure 1.5"),
        ({"bits": 20}, "bits is 20"),
        ({"bits": 8, "offset": 300.0}, "offset is 300"),
        ({"drift": -0.1}, "drift"),
        ({"read_noise_e": 5.0}, "give both"),
    ],
)
def test_impossible_cameras(options, words):
    with pytest.raises(ParameterError, match=words):
        Camera(**options)


def test_read_noise_goes_both_ways_in_the_dark():
    camera = Camera(bits=12, full_well_e=4_095.0, exposure=0.5, read_noise_e=20.0, offset=95.0)
    dark = camera.record(torch.zeros(300, 300), generator()).double()
    electrons_a_count = camera.full_well_e * camera.exposure / camera.counts_of_background
    assert float(dark.mean()) == pytest.approx(95.0, abs=0.3)
    assert float(dark.std()) * electrons_a_count == pytest.approx(20.0, rel=0.02)
    assert float(dark.min()) < 60
    floats = Camera(full_well_e=4_095.0, read_noise_e=20.0)
    assert float(floats.record(torch.zeros(50, 50), generator()).min()) == 0.0
