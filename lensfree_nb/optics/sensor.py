"""What the sensor records: intensity, blurred by the source, the spectrum and the pixel.

Two models. :func:`expose` is the exact one (a mean over spectral lines of |field|², then a blur
of the intensity). :func:`sensor_transfer` is its first order in the object: for a weak object
every blur of the intensity acts on the interference of the scattered wave with the background
wave, so it can be multiplied into the propagation's transfer function at no cost. A solver uses
the second, a simulator the first. All frequencies in FFT order, lengths in µm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from lensfree_nb.microscope import Setup
from lensfree_nb.optics.fourier import ifft2
from lensfree_nb.optics.propagation import (
    fast_shape,
    frequencies,
    half_frequencies,
    transfer_function,
    unfolded,
)

FWHM_PER_SIGMA = 2 * math.sqrt(2 * math.log(2))


def source_transfer(fy: Tensor, fx: Tensor, diameter_um: float) -> Tensor:
    """Blur by a disc-shaped source whose image on the sensor has `diameter_um` (µm).

    ``2 J1(pi D f) / (pi D f)``: the Fourier transform of a disc of unit sum.
    """
    argument = math.pi * diameter_um * torch.sqrt(fy**2 + fx**2)
    small = argument.abs() < 1e-6
    safe = torch.where(small, torch.ones_like(argument), argument)
    return torch.where(small, torch.ones_like(argument), 2 * torch.special.bessel_j1(safe) / safe)


def pixel_transfer(fy: Tensor, fx: Tensor, pixel_size_um: float) -> Tensor:
    """Blur by the light-sensitive area of a square pixel of `pixel_size_um` (µm)."""
    return torch.sinc(fy * pixel_size_um) * torch.sinc(fx * pixel_size_um)


def bandwidth_damping(
    fy: Tensor, fx: Tensor, setup: Setup, wavelength_um: float, distance_um: float
) -> Tensor:
    """Loss of interference by the spectral width, to first order in the object.

    The wave scattered to frequency f runs ``2 pi z (sqrt(1/lambda^2 - f^2) - 1/lambda)`` behind
    the background wave. Over a Gaussian spectrum of standard deviation s this phase averages to
    ``exp(-(d phase / d lambda * s)^2 / 2)``. Evanescent frequencies are cut.
    """
    sigma = setup.bandwidth_nm * 1e-3 / setup.medium_index / FWHM_PER_SIGMA
    squared = 1.0 / wavelength_um**2 - fy**2 - fx**2
    axial = squared.clamp(min=1e-12).sqrt()
    slope = 2 * math.pi * distance_um / wavelength_um**2 * (1 - 1 / (wavelength_um * axial))
    return torch.where(squared > 0, torch.exp(-0.5 * (slope * sigma) ** 2), 0.0)


def source_blur_um(setup: Setup, distance_um: float) -> float:
    """Diameter (µm) of the source's image on the sensor: ``D z / S``."""
    return setup.source_diameter_um * distance_um * 1e-3 / setup.source_distance_mm


def intensity_transfer(
    shape: Sequence[int],
    setup: Setup,
    distance_um: float,
    *,
    pixel_size_um: float | None = None,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Blur of the recorded intensity by source and pixel: real, `shape`, float64.

    `pixel_size_um` is the pitch of the grid, when it is finer than the sensor's pixel.
    """
    fy, fx = half_frequencies(shape, pixel_size_um or setup.pixel_size_um, device)
    return unfolded(_intensity_blur(fy, fx, setup, distance_um), shape)


def sensor_transfer(
    shape: Sequence[int], setup: Setup, exposure: int, *, device: torch.device | str = "cpu"
) -> Tensor:
    """Everything the sensor does to one exposure, to first order in the object.

    Returns
    -------
    Tensor
        float32, `shape`; 1 at zero frequency. Multiply it into :func:`transfer_function`.
    """
    distance = setup.known_distance()[exposure]
    fy, fx = half_frequencies(shape, setup.pixel_size_um, device)
    damping = bandwidth_damping(fy, fx, setup, setup.wavelength_um[exposure], distance)
    return unfolded((_intensity_blur(fy, fx, setup, distance) * damping).float(), shape)


def _intensity_blur(fy: Tensor, fx: Tensor, setup: Setup, distance_um: float) -> Tensor:
    source = source_transfer(fy, fx, source_blur_um(setup, distance_um))
    return source * pixel_transfer(fy, fx, setup.pixel_size_um)


def shift_transfer(
    shape: Sequence[int],
    pixel_size_um: float,
    shift_um: tuple[float, float],
    *,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Shift of an image by (y, x; µm) as a transfer: complex64, `shape`, in FFT order."""
    fy, fx = frequencies(shape, pixel_size_um, device)
    down, across = (
        torch.polar(torch.ones_like(f), -2 * math.pi * f * shift)
        for f, shift in zip((fy, fx), shift_um, strict=True)
    )
    return down.to(torch.complex64) * across.to(torch.complex64)


def spectral_lines(centre_um: float, fwhm_um: float, lines: int) -> tuple[tuple[float, float], ...]:
    """Wavelengths and weights of a Gaussian spectrum: equally spaced, ±2 standard deviations.

    >>> spectral_lines(0.5, 0.0, 5)
    ((0.5, 1.0),)
    """
    if fwhm_um == 0 or lines == 1:
        return ((centre_um, 1.0),)
    sigma = fwhm_um / FWHM_PER_SIGMA
    offsets = [-2 + 4 * i / (lines - 1) for i in range(lines)]
    weights = [math.exp(-0.5 * offset**2) for offset in offsets]
    total = sum(weights)
    return tuple(
        (centre_um + sigma * offset, weight / total)
        for offset, weight in zip(offsets, weights, strict=True)
    )


def expose(
    opd_um: Tensor,
    absorption: Tensor,
    setup: Setup,
    exposure: int,
    *,
    pixel_size_um: float | None = None,
    lines: int = 5,
    margin_px: int = 0,
) -> Tensor:
    """Intensity that one exposure records of a thin object, background 1.

    Parameters
    ----------
    opd_um, absorption : Tensor, shape (y, x)
        Optical path difference (µm) and absorption of the object.
    setup : Setup
        The microscope, with its distances.
    exposure : int
        Which exposure.
    pixel_size_um : float, optional
        Pitch of the object's grid (µm) where it is finer than the sensor's.
    lines : int
        Spectral lines over the bandwidth.
    margin_px : int
        Empty margin around the object; 0 treats it as one period of a periodic object.

    Returns
    -------
    Tensor
        Real intensity on the object's grid, blurred by the pixel but not yet sampled.
    """
    pitch = pixel_size_um or setup.pixel_size_um
    distance = setup.known_distance()[exposure]
    height, width = opd_um.shape
    shape = fast_shape((height, width), margin_px) if margin_px else (height, width)
    top, left = (shape[0] - height) // 2, (shape[1] - width) // 2
    pad = (left, shape[1] - width - left, top, shape[0] - height - top)
    opd = torch.nn.functional.pad(opd_um, pad)
    amplitude = torch.exp(-torch.nn.functional.pad(absorption, pad))
    centre, fwhm = setup.wavelength_nm[exposure] * 1e-3, setup.bandwidth_nm * 1e-3
    intensity = torch.zeros_like(opd)
    for vacuum, weight in spectral_lines(centre, fwhm, lines):
        field = torch.polar(amplitude, 2 * math.pi / vacuum * opd)
        transfer = transfer_function(
            shape, pitch, vacuum / setup.medium_index, distance,
            device=field.device, dtype=field.dtype,
        )  # fmt: skip
        propagated = ifft2(torch.fft.fft2(field) * transfer)
        intensity = intensity + weight * (propagated.real**2 + propagated.imag**2)
    blur = intensity_transfer(shape, setup, distance, pixel_size_um=pitch, device=opd.device)
    half = blur[:, : shape[1] // 2 + 1].to(intensity.dtype)
    blurred: Tensor = torch.fft.irfft2(torch.fft.rfft2(intensity) * half, s=shape)
    return blurred[top : top + height, left : left + width]
