"""Our propagation against independent ones, and its own invariants."""

from __future__ import annotations

import numpy as np
import torch
from _harness import Row, row
from _references import direct_integral, fresnel_square_aperture, torchoptics_propagate
from _seeds import TEST

from lensfree_nb.optics.propagation import propagate


def light() -> list[Row]:
    """Our propagation against independent ones, and its own invariants."""
    source = "computed; python benchmarks/real_holograms.py"
    n, pitch, wavelength, distance, side = 2048, 2.0, 0.53, 20_000.0, 400.0
    axis = (torch.arange(n, dtype=torch.float64) - n // 2) * pitch
    line = (axis.abs() < side / 2).double() + 0.5 * (axis.abs() == side / 2).double()
    aperture = (line[:, None] * line[None]).to(torch.complex128)
    ours = propagate(aperture, pitch, wavelength, distance, band_limit=False).numpy()
    ours /= np.exp(2j * np.pi * distance / wavelength)
    middle = slice(n // 2 - 100, n // 2 + 100)
    theirs = fresnel_square_aperture(axis.numpy()[middle], side, wavelength, distance)
    generator = torch.Generator().manual_seed(TEST["random_fields"])
    x, y = (torch.randn(256, 256, dtype=torch.complex128, generator=generator) for _ in range(2))
    there = propagate(x, 1.67, wavelength, 1000.0, band_limit=False)
    back = propagate(y, 1.67, wavelength, -1000.0, band_limit=False)
    left, right = torch.vdot(y.ravel(), there.ravel()), torch.vdot(back.ravel(), x.ravel())
    energy = float(there.abs().square().sum() / x.abs().square().sum())
    spot = torch.exp(-(axis[:256, None] - axis[128]).square() / 800.0)
    spot = (spot * spot.T).to(torch.complex128)
    other = torchoptics_propagate(spot, 1.67, wavelength, 1000.0)
    mine = propagate(spot, 1.67, wavelength, 1000.0)
    narrow = spot[64:192, 64:192].numpy()
    pixels = np.array([[64, 64], [64, 72], [50, 80]])
    direct = direct_integral(narrow, 0.4, wavelength, 60.0, (pixels - 64) * 0.4)
    near = propagate(torch.from_numpy(narrow), 0.4, wavelength, 60.0, pad_px=128).numpy()
    return [
        row(
            "Fresnel square aperture, relative error",
            _off(ours[middle, middle], theirs),
            "1",
            "<= 0.001",
            source,
        ),
        row(
            "torchoptics, relative difference",
            _off(mine.numpy(), other.numpy()),
            "1",
            "<= 0.001",
            source,
        ),
        row(
            "direct integral, relative difference",
            _off(near[tuple(pixels.T)], direct),
            "1",
            "<= 0.001",
            source,
        ),
        row(
            "adjoint, relative error", float(abs(left - right) / abs(left)), "1", "<= 1e-05", source
        ),
        row("energy, relative change", abs(energy - 1), "1", "<= 1e-05", source),
    ]


def _off(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
