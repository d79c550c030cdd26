"""Dirt on the sensor: dark in all colours at one place, as nothing a millimetre away can be."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from lensfree_nb.microscope import Setup

# Intensity, and radius of what is darker (px): beyond the fringes of simulated cultures.
DARK: Final = 0.3
CORE_PX, RIM_PX = 3, 2
# The shadow of a thing in the sample can be as dark if it is as wide, in units of sqrt(lambda z).
SHADOW: Final = 0.7


def dusty(intensity: Tensor, known: Tensor, setup: Setup) -> Tensor:
    """Where specks of dust hide the light.

    Light that passed the sample interferes, in each colour elsewhere. A spot that is dark in all
    of them lies on the sensor itself, unless it is wide beside sqrt(wavelength z): an opaque thing
    in the sample then has a shadow. Faint and small specks are not looked for: they do no harm.

    Parameters
    ----------
    intensity : Tensor, shape (exposure, y, x)
        Background 1.
    known : Tensor, shape (exposure, y, x)
        1 where recorded, 0 where not.
    setup : Setup
        With a distance for each exposure.

    Returns
    -------
    Tensor of bool, shape (y, x)
        Nowhere, where fewer than two exposures are known: fringes of one alone can be as dark.
    """
    recorded = [e for e in range(setup.exposures) if bool(known[e].any())]
    nothing = torch.zeros(intensity.shape[-2:], dtype=torch.bool, device=intensity.device)
    nearest_um = min(abs(z) for z in setup.known_distance())
    shadow_px = SHADOW * math.sqrt(min(setup.wavelength_um) * nearest_um) / setup.pixel_size_um
    if len(recorded) < 2 or shadow_px <= CORE_PX:
        return nothing
    brightest = torch.full_like(intensity[0], -1.0)
    for e in recorded:
        brightest = torch.where(known[e] > 0, brightest.maximum(intensity[e]), brightest)
    brightest = torch.where(brightest < 0, 1.0, brightest)
    dark = avg_pool2d(brightest[None], 3, stride=1, padding=1, count_include_pad=False)[0] < DARK
    cores = _shrunk(dark, CORE_PX)
    if not bool(cores.any()):
        return nothing
    shadow = math.floor(shadow_px)
    cores &= ~_grown(_shrunk(dark, shadow), 2 * shadow)
    return _grown(cores, CORE_PX + RIM_PX)


def _shrunk(image: Tensor, radius_px: int) -> Tensor:
    """Centres of octagons that lie wholly within an image (bool); it goes on beyond its border."""
    return ~_grown(~image, radius_px)


def _grown(image: Tensor, radius_px: int) -> Tensor:
    """An image (bool) with all that lies within an octagon around each of its points."""
    for step in range(radius_px):
        column = image.clone()
        column[1:] |= image[:-1]
        column[:-1] |= image[1:]
        # Crosses and squares by turns make an octagon.
        beside = column if step % 2 else image
        image = column.clone()
        image[:, 1:] |= beside[:, :-1]
        image[:, :-1] |= beside[:, 1:]
    return image
