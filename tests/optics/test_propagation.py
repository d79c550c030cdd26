import numpy as np
import pytest
import torch
from _references import direct_integral, fresnel_square_aperture, torchoptics_propagate

from lensfree_nb.microscope import Setup
from lensfree_nb.optics.propagation import (
    fast_shape,
    fringe_halo_px,
    propagate,
    transfer_function,
)

SEED = 3


def gaussian(n: int, pitch: float, waist: float) -> torch.Tensor:
    axis = (torch.arange(n, dtype=torch.float64) - n // 2) * pitch
    return torch.exp(-(axis[:, None] ** 2 + axis[None] ** 2) / waist**2).to(torch.complex128)


def relative(a, b) -> float:
    a, b = np.asarray(a), np.asarray(b)
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def test_agrees_with_a_direct_integral():
    pitch, wavelength, distance = 0.4, 0.53, 60.0
    field = gaussian(256, pitch, 8.0)
    ours = propagate(field, pitch, wavelength, distance).numpy()
    pixels = np.array([[128, 128], [128, 140], [110, 150], [160, 128]])
    theirs = direct_integral(field.numpy(), pitch, wavelength, distance, (pixels - 128) * pitch)
    assert relative(ours[tuple(pixels.T)], theirs) < 1e-3


def test_agrees_with_torchoptics():
    field = gaussian(256, 1.67, 30.0) * torch.exp(1j * gaussian(256, 1.67, 20.0).real)
    ours = propagate(field, 1.67, 0.53, 1000.0)
    theirs = torchoptics_propagate(field, 1.67, 0.53, 1000.0)
    assert relative(ours, theirs) < 1e-3


def test_fresnel_square_aperture():
    # Paraxial: the aperture is wide against the wavelength, and the edge pixel counts half.
    n, pitch, wavelength, distance, side = 2048, 2.0, 0.53, 20_000.0, 400.0
    axis = (torch.arange(n, dtype=torch.float64) - n // 2) * pitch
    line = (axis.abs() < side / 2).double() + 0.5 * (axis.abs() == side / 2).double()
    field = (line[:, None] * line[None]).to(torch.complex128)
    ours = propagate(field, pitch, wavelength, distance, band_limit=False).numpy()
    carrier = np.exp(2j * np.pi * distance / wavelength)
    middle = slice(n // 2 - 100, n // 2 + 100)
    theirs = fresnel_square_aperture(axis.numpy()[middle], side, wavelength, distance)
    assert relative(ours[middle, middle] / carrier, theirs) < 1e-3


def test_adjoint_and_energy():
    generator = torch.Generator().manual_seed(SEED)
    x, y = (torch.randn(96, 128, dtype=torch.complex128, generator=generator) for _ in range(2))
    forward = propagate(x, 1.67, 0.45, 700.0, band_limit=False)
    back = propagate(y, 1.67, 0.45, -700.0, band_limit=False)
    left, right = torch.vdot(y.ravel(), forward.ravel()), torch.vdot(back.ravel(), x.ravel())
    assert abs(left - right) / abs(left) < 1e-5
    assert float(forward.abs().square().sum()) == pytest.approx(float(x.abs().square().sum()))


def test_single_precision_keeps_the_phase_at_five_millimetres():
    single = transfer_function((256, 320), 1.67, 0.45, 5000.0)
    double = transfer_function((256, 320), 1.67, 0.45, 5000.0, dtype=torch.complex128)
    assert float((single - double).abs().max()) < 1e-6


def test_band_limit_only_cuts():
    full = transfer_function((64, 64), 1.0, 0.5, 2000.0, band_limit=False)
    cut = transfer_function((64, 64), 1.0, 0.5, 2000.0)
    kept = cut.abs() > 0
    assert 0 < int(kept.sum()) < int((full.abs() > 0).sum())
    assert torch.equal(cut[kept], full[kept])


def test_padding_keeps_the_copies_away():
    field = torch.zeros(64, 64, dtype=torch.complex64)
    field[:, :6] = 1
    wrapped = propagate(field, 1.67, 0.53, 200.0)[:, -6:].abs().max()
    padded = propagate(field, 1.67, 0.53, 200.0, pad_px=64)[:, -6:].abs().max()
    assert padded < 0.3 * wrapped


def test_sizes():
    assert fringe_halo_px(Setup((530.0,), 1.67, (1000.0,))) == 97
    for shape in ((1, 1), (250, 333), (2748, 3840)):
        fast = fast_shape(shape, 10)
        assert all(f >= n + 20 and f % 16 == 0 for f, n in zip(fast, shape, strict=True))
