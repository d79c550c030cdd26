"""A hologram back-propagated to many planes, one at a time, and the sharpest of them everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, get_args

import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from lensfree_nb.microscope import Setup
from lensfree_nb.optics.distance import back_propagated
from lensfree_nb.optics.propagation import fringe_halo_px

Objects = Literal["absorbing", "transparent"]
OBJECTS: Final = get_args(Objects)
# How much livelier than the frame's own median a place must be for its plane to be told.
LEAST_LIVELY: Final = 4.0
TINY: Final = 1e-12


def planes(hologram: Tensor, setup: Setup, distances_um: Sequence[float]) -> Tensor:
    """Fields at several distances.

    Parameters
    ----------
    hologram : Tensor, shape (exposure, y, x)
        Intensity on any scale, NaN where unknown, which is taken as background.
    setup : Setup
        The microscope; its own distance is not looked at.
    distances_um : sequence of float
        From the sensor (µm).

    Returns
    -------
    Tensor, shape (distance, exposure, y, x), complex64
        Background 1. Not freed of the twin image: this is light, and no inversion.
    """
    amplitude = _amplitude(hologram)
    return torch.stack([_plane(amplitude, setup, z) for z in distances_um])


def sharpest(
    hologram: Tensor,
    setup: Setup,
    distances_um: Sequence[float],
    *,
    window_px: float,
    objects: Objects = "absorbing",
) -> tuple[Tensor, Tensor]:
    """At every pixel the plane in which its surroundings are sharpest.

    Absorbing objects have the strongest changes of amplitude in focus, transparent ones the
    weakest (Dubois et al., Opt. Express 14, 5895 (2006)). One plane is in memory at a time.

    Parameters
    ----------
    hologram, setup, distances_um
        As of :func:`planes`.
    window_px : float
        Standard deviation (px) of the surroundings.
    objects : {"absorbing", "transparent"}
        What the sample is.

    Returns
    -------
    field : Tensor, shape (exposure, y, x), complex64
        Of that plane.
    depth_um : Tensor, shape (y, x)
        Its distance; NaN where no plane differs from its neighbours' ground: nothing is there.
    """
    amplitude = _amplitude(hologram)
    shape = amplitude.shape[-2:]
    best = torch.full(shape, -torch.inf, device=amplitude.device)
    most = torch.zeros(shape, device=amplitude.device)
    depth = torch.zeros(shape, device=amplitude.device)
    field = torch.ones_like(amplitude)
    sign = 1.0 if objects == "absorbing" else -1.0
    for z in distances_um:
        wave = _plane(amplitude, setup, float(z))
        lively = _smoothed(_slopes(wave.abs()).mean(0), window_px)
        most = torch.maximum(most, lively)
        better = sign * lively > best
        best = torch.where(better, sign * lively, best)
        depth = torch.where(better, float(z), depth)
        field = torch.where(better, wave, field)
    empty = most < LEAST_LIVELY * most.median().clamp(min=TINY)
    return field, torch.where(empty, torch.nan, depth)


def _amplitude(hologram: Tensor) -> Tensor:
    """On the sensor (complex64), the median of each exposure 1."""
    light = hologram.flatten(1).nanmedian(1).values[:, None, None].clamp(min=TINY)
    return torch.nan_to_num(hologram / light, nan=1.0).clamp(min=0).sqrt().to(torch.complex64)


def _plane(amplitude: Tensor, setup: Setup, distance_um: float) -> Tensor:
    halo = fringe_halo_px(setup.at(distance_um))
    return torch.stack(
        [back_propagated(wave, setup, e, distance_um, halo) for e, wave in enumerate(amplitude)]
    )


def _smoothed(image: Tensor, sigma_px: float) -> Tensor:
    """Through a Gaussian, mirrored at the border."""
    made = gaussian_filter(image.cpu().numpy(), sigma_px, mode="mirror")
    return torch.from_numpy(made).to(image.device)


def _slopes(image: Tensor) -> Tensor:
    """Squared gradient (..., y, x), the same size."""
    down, across = torch.gradient(image, dim=(-2, -1))
    return down.square() + across.square()
