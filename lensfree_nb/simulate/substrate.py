"""What cells grow on: surfaces whose texture shows in an image.

Drawn after how the three materials of Xue 2021 §4.1 look in phase contrast; their numbers are
ours, not measured.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

from lensfree_nb.errors import ParameterError
from lensfree_nb.optics.fourier import ifft2
from lensfree_nb.optics.propagation import frequencies

SUBSTRATES: Final = ("glass", "polystyrene", "pdms")
PITS_PER_MM2: Final = 250.0


def substrate(
    name: str, shape: tuple[int, int], pitch_um: float, generator: torch.Generator
) -> Tensor:
    """OPD (nm, y, x) of a surface, one period of a periodic one.

    ``glass`` is smooth to half a nanometre; ``polystyrene``, as of culture dishes, has a fine
    grain and faint parallel marks of its mould; ``pdms`` is wavy, with shallow pits.

    Raises
    ------
    ParameterError
        If there is no such surface.
    """
    if name not in SUBSTRATES:
        raise ParameterError(f"substrate is {name!r}; use one of {', '.join(SUBSTRATES)}")
    if name == "glass":
        return 0.5 * grain(shape, pitch_um, 1.0, generator)
    if name == "polystyrene":
        angle = float(torch.rand((), generator=generator, device=generator.device)) * math.pi
        marks = grain(shape, pitch_um, (60.0, 0.8), generator, angle)
        return 1.0 * grain(shape, pitch_um, 0.7, generator) + 1.2 * marks
    waves = 25.0 * grain(shape, pitch_um, 25.0, generator)
    return waves + 1.5 * grain(shape, pitch_um, 1.5, generator) - _pits(shape, pitch_um, generator)


def grain(
    shape: tuple[int, int],
    pitch_um: float,
    length_um: float | tuple[float, float],
    generator: torch.Generator,
    angle_rad: float = 0.0,
) -> Tensor:
    """Gaussian noise of unit variance that is alike over a length: one, or along and across."""
    fy, fx = (f.float() for f in frequencies(shape, pitch_um, generator.device))
    fx = fx[:, : shape[1] // 2 + 1]
    along, across = (length_um, length_um) if isinstance(length_um, (int, float)) else length_um
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    squared = ((fx * cos + fy * sin) * along) ** 2 + ((fy * cos - fx * sin) * across) ** 2
    response = torch.exp(-(math.pi**2) * squared)
    response[0, 0] = 0.0
    white = torch.randn(shape, generator=generator, device=generator.device)
    noise: Tensor = torch.fft.irfft2(torch.fft.rfft2(white).mul_(response), s=shape)
    # Its expected variance, in closed form: a sum over all points would hang on the threads.
    variance = 1.0
    for length in (along, across):
        scale = math.sqrt(2) * math.pi * length / pitch_um
        variance *= math.erf(scale / 2) * math.sqrt(math.pi) / scale
    return noise.div_(math.sqrt(variance))


def _pits(shape: tuple[int, int], pitch_um: float, generator: torch.Generator) -> Tensor:
    """Round pits of about 2 µm and 15 nm, strewn at random."""
    area_mm2 = shape[0] * shape[1] * pitch_um**2 * 1e-6
    count = max(1, round(PITS_PER_MM2 * area_mm2))
    device = generator.device
    spots = torch.zeros(shape, device=device)
    rows, columns = (torch.randint(n, (count,), generator=generator, device=device) for n in shape)
    depth = 5 + 20 * torch.rand(count, generator=generator, device=device)
    spots[rows, columns] = depth
    fy, fx = (f.float() for f in frequencies(shape, pitch_um, device))
    disc = torch.exp(-(math.pi**2) * (fy**2 + fx**2) * 2.0**2)
    widened: Tensor = ifft2(torch.fft.fft2(spots) * disc).real
    return widened * (math.pi * 2.0**2 / pitch_um**2)
