"""What an objective does to weak phase objects: a transfer function, in focus and out of it.

To first order in the phase, the image of an object is linear: ``I = 1 + phase * T``, with the
transfer function of Abbe's theory (Streibl, J. Opt. Soc. Am. A 2, 121 (1985), for partially
coherent light; here with the phase plate in the pupil). So an image that was recorded in focus can
be turned into one recorded out of focus, without knowing the object: what one plane shows of each
spatial frequency, over what the other shows.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import torch
from torch import Tensor

from lensfree_nb.optics.propagation import frequencies
from lensfree_nb.optics.sensor import spectral_lines
from lensfree_nb.simulate.objective import LINES, Objective, pupil_of, source_points

# Of the strongest response in focus: what is much weaker was not recorded, and is left as it is.
LEAST_RESPONSE: Final = 0.05
# Condensers are round: their response is told by radius, the mean over some directions.
RADII, DIRECTIONS = 512, 12


def phase_transfer(
    shape: tuple[int, int], pitch_um: float, objective: Objective, channel: int, defocus_um: float,
    device: torch.device | str = "cpu",
) -> Tensor:  # fmt: skip
    """How strongly each spatial frequency of a weak phase (rad) shows in the image.

    Parameters
    ----------
    shape : (int, int)
        Of the image (px).
    pitch_um : float
        Of its pixels.
    objective : Objective
        The microscope.
    channel : int
        Which of its wavelengths.
    defocus_um : float
        How far the plane in focus lies beyond the sample, along the light.

    Returns
    -------
    Tensor, shape `shape`, complex128, in FFT order
        Over the bare background. Real of a symmetric condenser, and nearly so of the points that
        stand for one.
    """
    return _response(*frequencies(shape, pitch_um, device), objective, channel, defocus_um)


def _response(
    fy: Tensor, fx: Tensor, objective: Objective, channel: int, defocus_um: float
) -> Tensor:
    """At any spatial frequencies (1/um), whose shapes go together."""
    centre, fwhm = objective.wavelength_nm[channel] * 1e-3, objective.bandwidth_nm * 1e-3
    lines = spectral_lines(centre, fwhm, LINES)
    found = torch.zeros((), dtype=torch.complex128, device=fx.device)
    direct = 0.0
    for number, (vacuum_um, weight) in enumerate(lines):
        points = source_points(objective, number, len(lines))
        for point in points:
            sy, sx = (s * objective.aperture / vacuum_um for s in point)
            place = torch.zeros((1, 1), dtype=torch.float64, device=fx.device)
            here = pupil_of(place + sy, place + sx, objective, vacuum_um, defocus_um)
            above, below = (
                pupil_of(sy + sign * fy, sx + sign * fx, objective, vacuum_um, defocus_um)
                for sign in (1, -1)
            )
            share = weight / len(points)
            found = found + share * 1j * (here.conj() * above - here * below.conj())
            direct += share * float(here.abs().square())
    return found / direct


def weak_image(
    phase: Tensor, pitch_um: float, objective: Objective, channel: int, defocus_um: float
) -> Tensor:
    """The image of a weak phase object, its bare background 1.

    Parameters
    ----------
    phase : Tensor, shape (..., y, x)
        In rad, small; it goes on at the border as on the other side.
    pitch_um, objective, channel, defocus_um
        As of :func:`phase_transfer`.

    Returns
    -------
    Tensor
        Of the same shape; not negative.
    """
    fy, fx = frequencies(tuple(phase.shape[-2:]), pitch_um, phase.device)
    shown = _by_radius(torch.hypot(fy, fx), objective, channel, defocus_um)
    made: Tensor = 1 + torch.fft.ifft2(torch.fft.fft2(phase.double()) * shown).real
    return made.clamp(min=0).to(phase.dtype)


def defocused(
    image: Tensor, pitch_um: float, objective: Objective, channel: int, defocus_um: float
) -> Tensor:
    """An image recorded in focus, as it would be out of focus.

    The contrast of the image is that of a weak phase object; halos of strong ones, and what lies
    above and below the plane of focus, are moved as if they were weak and thin.

    Parameters
    ----------
    image : Tensor, shape (..., y, x)
        Intensity, any scale.
    pitch_um, objective, channel, defocus_um
        As of :func:`phase_transfer`.

    Returns
    -------
    Tensor
        Of the same shape and mean; not negative.
    """
    height, width = image.shape[-2:]
    # Mirrored, so that it has no edge when it is continued.
    double = torch.cat([image, image.flip(-1)], -1)
    double = torch.cat([double, double.flip(-2)], -2)
    shape = (2 * height, 2 * width)
    fy, fx = frequencies(shape, pitch_um, image.device)
    radius = torch.hypot(fy, fx)
    sharp, blurred = (_by_radius(radius, objective, channel, z) for z in (0.0, defocus_um))
    least = (LEAST_RESPONSE * sharp.abs().max()) ** 2
    # The light as a whole does not change.
    ratio = (sharp * blurred + least) / (sharp.square() + least)
    ratio[0, 0] = 1.0
    made: Tensor = torch.fft.ifft2(torch.fft.fft2(double.double()) * ratio).real[
        ..., :height, :width
    ]
    return made.clamp(min=0).to(image.dtype)


def _by_radius(radius: Tensor, objective: Objective, channel: int, defocus_um: float) -> Tensor:
    """How strongly a phase shows (real) at each radius (1/um)."""
    at = torch.linspace(0, float(radius.max()), RADII, dtype=torch.float64)
    angle = torch.arange(DIRECTIONS, dtype=torch.float64)[:, None] * (math.pi / DIRECTIONS)
    seen = _response(at * angle.sin(), at * angle.cos(), objective, channel, defocus_um)
    told = np.interp(radius.cpu().numpy(), at.numpy(), seen.real.mean(0).numpy())
    return torch.from_numpy(told).to(radius.device)
