"""Dirt on the sensor: dark in all colours at one place, as nothing a millimetre away can be.

What is dark outright is seen in the hologram itself. What is dark beside bright fringes is seen
when a network has drawn the cells: it draws no dust, so the light that it predicts there is missed.
"""

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
# The same for intensity over what was predicted. Where much is missed, more is wrong than dust.
MISSED: Final = 0.5
MISSED_PX: Final = 2
MOST_MISSED: Final = 0.03
FAINT: Final = 0.1
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
    return _specks(_brightest(intensity, known) < DARK, CORE_PX, known, setup)


def missed(amplitude: Tensor, predicted: Tensor, known: Tensor, setup: Setup) -> Tensor:
    """Where light is missed in all colours that should have come by what was drawn.

    Parameters
    ----------
    amplitude, predicted, known : Tensor, shape (exposure, y, x)
        As recorded (background 1), as it should be, and 1 where recorded.
    setup : Setup
        With a distance for each exposure.

    Returns
    -------
    Tensor of bool, shape (y, x)
        Nowhere, where fewer than two exposures are known, or three hundredths are missed and
        more: then something else is wrong. What is as wide as a shadow stays, as in `dusty`.
    """
    share = (amplitude / (predicted + FAINT)).square()
    specks = _specks(_brightest(share, known) < MISSED, MISSED_PX, known, setup)
    return specks if float(specks.float().mean()) <= MOST_MISSED else torch.zeros_like(specks)


def _specks(dark: Tensor, core_px: int, known: Tensor, setup: Setup) -> Tensor:
    """What is dark (bool; y, x) over a core and more, and too narrow for a shadow; with its rim."""
    nearest_um = min(abs(z) for z in setup.known_distance())
    shadow_px = SHADOW * math.sqrt(min(setup.wavelength_um) * nearest_um) / setup.pixel_size_um
    cores = _shrunk(dark, core_px)
    if int(known.flatten(1).any(1).sum()) < 2 or shadow_px <= core_px or not bool(cores.any()):
        return torch.zeros_like(dark)
    shadow = math.floor(shadow_px)
    cores &= ~_grown(_shrunk(dark, shadow), 2 * shadow)
    return _grown(cores, core_px + RIM_PX)


def _brightest(image: Tensor, known: Tensor) -> Tensor:
    """The brightest exposure at each pixel, its mean over 3 x 3 of them; 1 where none is known."""
    brightest = torch.full_like(image[0], -1.0)
    for exposure, recorded in zip(image, known, strict=True):
        brightest = torch.where(recorded > 0, brightest.maximum(exposure), brightest)
    brightest = torch.where(brightest < 0, 1.0, brightest)
    return avg_pool2d(brightest[None], 3, stride=1, padding=1, count_include_pad=False)[0]


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
