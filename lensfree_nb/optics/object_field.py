"""The wave behind a thin object."""

from __future__ import annotations

import torch
from torch import Tensor

from lensfree_nb.optics.bands import bands


def object_field(thickness: Tensor, absorption: Tensor, per_unit: float) -> Tensor:
    """``exp(-absorption + i per_unit thickness)``: the object in light of amplitude 1.

    Parameters
    ----------
    thickness : Tensor, shape (y, x), float32
        Optical path difference or phase, in any unit.
    absorption : Tensor, shape (y, x), float32
        Of the amplitude.
    per_unit : float
        Phase (rad) of one unit of `thickness`.

    Returns
    -------
    Tensor, shape (y, x), complex64
    """
    field = torch.empty(thickness.shape, dtype=torch.complex64, device=thickness.device)
    for rows in bands(thickness):
        # A sine and a cosine of vectors: torch.polar takes three times as long on a processor.
        angle = thickness[rows] * per_unit
        amplitude = torch.exp(-absorption[rows])
        torch.complex(angle.cos().mul_(amplitude), angle.sin_().mul_(amplitude), out=field[rows])
    return field
