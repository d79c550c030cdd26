import math

import pytest
import torch
from scipy.special import j1

from lensfree_nb.microscope import Setup
from lensfree_nb.optics.propagation import frequencies, transfer_function
from lensfree_nb.optics.sensor import (
    expose,
    pixel_transfer,
    sensor_transfer,
    source_transfer,
    spectral_lines,
)

SETUP = Setup((530.0,), 1.67, (1000.0,), 1.0, 50.0, 50.0, 20.0)


def test_source_is_a_disc_and_pixel_a_square():
    f = torch.tensor([[0.0, 0.1, 0.3]], dtype=torch.float64)
    zero = torch.zeros(1, 1, dtype=torch.float64)
    expected = [1.0, *(2 * j1(math.pi * 4 * x) / (math.pi * 4 * x) for x in (0.1, 0.3))]
    assert source_transfer(zero, f, 4.0)[0].tolist() == pytest.approx(expected)
    sinc = [1.0, *(math.sin(math.pi * 2 * x) / (math.pi * 2 * x) for x in (0.1, 0.3))]
    assert pixel_transfer(zero, f, 2.0)[0].tolist() == pytest.approx(sinc)


def bump(height_um: float) -> torch.Tensor:
    axis = torch.arange(192) - 96.0
    return height_um * torch.exp(-(axis[:, None] ** 2 + axis[None] ** 2) / (2 * 5.0**2))


def first_order(opd: torch.Tensor) -> torch.Tensor:
    field = torch.polar(torch.ones_like(opd), 2 * math.pi / 0.53 * opd)
    transfer = transfer_function(opd.shape, 1.67, 0.53, 1000.0) * sensor_transfer(
        opd.shape, SETUP, 0
    )
    return torch.fft.ifft2(torch.fft.fft2(field) * transfer).abs() ** 2


@pytest.mark.parametrize(("height_um", "share"), [(0.005, 0.01), (0.1, 0.08), (0.6, 0.4)])
def test_first_order_is_as_good_as_it_says(height_um, share):
    opd = bump(height_um)
    exact = expose(opd, torch.zeros_like(opd), SETUP, 0, lines=15)
    gap = float((first_order(opd) - exact).norm() / (exact - 1).norm())
    assert gap < share


def test_exact_intensity_keeps_energy_and_has_a_gradient():
    opd = bump(0.1).double().requires_grad_()
    image = expose(opd, torch.zeros_like(opd), SETUP, 0, lines=3)
    assert float(image.detach().mean()) == pytest.approx(1.0, abs=1e-4)
    (gradient,) = torch.autograd.grad(image[96, 100], opd)
    step = torch.zeros_like(opd)
    step[90, 97] = 1e-6
    with torch.no_grad():
        zero = torch.zeros_like(opd)
        shots = [expose(opd + s * step, zero, SETUP, 0, lines=3)[96, 100] for s in (1, -1)]
    assert float(gradient[90, 97]) == pytest.approx(float(shots[0] - shots[1]) / 2e-6, rel=1e-4)


def test_spectrum_has_its_mean_and_width():
    lines = spectral_lines(0.53, 0.02, 41)
    mean = sum(w * x for x, w in lines)
    spread = math.sqrt(sum(w * (x - mean) ** 2 for x, w in lines))
    assert mean == pytest.approx(0.53)
    assert spread == pytest.approx(0.02 / 2.3548, rel=0.15)


def test_a_monochromatic_point_source_on_tiny_pixels_blurs_nothing():
    sharp = Setup((530.0,), 1e-3, (1000.0,))
    fy, fx = frequencies((8, 8), 1e-3)
    assert float(sensor_transfer((8, 8), sharp, 0)[0, 0]) == 1.0
    assert torch.allclose(
        pixel_transfer(fy * 0, fx * 0, 1.0), torch.ones(8, 8, dtype=torch.float64)
    )
