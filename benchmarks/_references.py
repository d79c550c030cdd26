"""Independent answers that our propagation is held against."""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import fresnel


def fresnel_square_aperture(
    points_um: np.ndarray, side_um: float, wavelength_um: float, distance_um: float
) -> np.ndarray:
    """Field behind a square aperture in Fresnel's approximation, analytic, without carrier."""
    scale = np.sqrt(2 / (wavelength_um * distance_um))

    def along(x: np.ndarray) -> np.ndarray:
        s_high, c_high = fresnel(scale * (side_um / 2 - x))
        s_low, c_low = fresnel(scale * (-side_um / 2 - x))
        return (c_high - c_low) + 1j * (s_high - s_low)

    line = along(points_um)
    return -0.5j * line[:, None] * line[None, :]


def direct_integral(
    field: np.ndarray,
    pitch_um: float,
    wavelength_um: float,
    distance_um: float,
    targets_um: np.ndarray,
) -> np.ndarray:
    """First Rayleigh-Sommerfeld integral by direct summation in double precision.

    `field` is (n, n), centred on the axis; `targets_um` (m, 2) are points (y, x) behind it.
    """
    n = field.shape[0]
    axis = (np.arange(n) - n // 2) * pitch_um
    y, x = np.meshgrid(axis, axis, indexing="ij")
    k = 2 * np.pi / wavelength_um
    found = []
    for ty, tx in targets_um:
        r = np.sqrt((ty - y) ** 2 + (tx - x) ** 2 + distance_um**2)
        kernel = distance_um / (2 * np.pi * r**2) * (1 / r - 1j * k) * np.exp(1j * k * r)
        found.append(np.sum(field * kernel) * pitch_um**2)
    return np.array(found)


def torchoptics_propagate(
    field: torch.Tensor, pitch_um: float, wavelength_um: float, distance_um: float
) -> torch.Tensor:
    """The same by torchoptics' angular spectrum method (lengths in µm)."""
    import torchoptics

    wave = torchoptics.Field(field, wavelength=wavelength_um, z=0, spacing=pitch_um, offset=0)
    return wave.propagate(
        field.shape, distance_um, spacing=pitch_um, offset=0, propagation_method="ASM", asm_pad=0
    ).data


def mie_hologram(
    diameter_um: float, index: float, medium_index: float, vacuum_um: float, distance_um: float,
    off_axis_um: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """In-line hologram of a sphere by Mie's series, unpolarised light, background 1.

    The far field of the series (Bohren & Huffman 1983, §4.1), so `distance_um` must be large
    against the sphere's own Fresnel distance, ``diameter² / 4 lambda``.

    Parameters
    ----------
    off_axis_um : ndarray
        Distance of each point of the sensor from the axis through the sphere.
    """
    import miepython

    wavenumber = 2 * np.pi * medium_index / vacuum_um
    reach = np.hypot(off_axis_um, distance_um)
    cosine = distance_um / reach
    # This norm is that of the optical theorem: extinction = 4 Re S(0) / x². The package's
    # amplitudes are for exp(+iwt); ours is exp(-iwt).
    amplitudes = miepython.S1_S2(
        index / medium_index, wavenumber * diameter_um / 2, cosine.ravel(), norm="wiscombe"
    )
    across, along = (np.conj(s).reshape(reach.shape) for s in amplitudes)
    wave = np.exp(1j * wavenumber * (reach - distance_um)) / (-1j * wavenumber * reach)
    light = np.abs(1 + wave * across) ** 2 + np.abs(1 + wave * along * cosine) ** 2
    return np.asarray(light / 2)
