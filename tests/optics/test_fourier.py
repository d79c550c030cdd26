import numpy as np
import pytest
import torch

from lensfree_nb.optics.fourier import ifft2
from lensfree_nb.simulate import acquire, culture
from lensfree_nb.simulate.instrument import PRESETS
from tests import seeds


@pytest.fixture
def several_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("shape", [(2048, 2048), (2, 2048, 2048), (2048, 1024), (96, 80)])
def test_there_and_back(several_threads, shape):
    generator = torch.Generator().manual_seed(seeds.LIGHT)
    image = torch.rand(shape, generator=generator)
    torch.testing.assert_close(ifft2(torch.fft.fft2(image)).real, image, rtol=1e-4, atol=1e-4)


def test_light_falls_on_a_sensor_whose_grid_is_2048_points_wide(several_threads, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)

    cells = culture((768, 768), 20.0, rng=np.random.default_rng(seeds.CELLS))
    ds = acquire(
        cells, (768, 768), rng=np.random.default_rng(seeds.NOISE), instrument=PRESETS["ideal"]
    )
    assert float(ds["hologram"].mean()) == pytest.approx(1, abs=0.01)
