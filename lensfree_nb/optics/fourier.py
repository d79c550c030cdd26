"""The inverse transform of an image, right at every size."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

# MKL scales the inverse of a complex64 image of just this size twice, when several threads work on
# it (pytorch#169670): the result is four million times too small.
SCALED_TWICE: Final = (2048, 2048)


def ifft2(wave: Tensor) -> Tensor:
    """``torch.fft.ifft2`` over the last two axes, also where MKL fails.

    Parameters
    ----------
    wave : Tensor, shape (..., y, x), complex

    Examples
    --------
    >>> bool((ifft2(torch.ones(2048, 2048, dtype=torch.complex64))[0, 0] - 1).abs() < 1e-5)
    True
    """
    if tuple(wave.shape[-2:]) == SCALED_TWICE and wave.device.type == "cpu":
        rows: Tensor = torch.fft.ifft(torch.fft.ifft(wave, dim=-1), dim=-2)
        return rows
    both: Tensor = torch.fft.ifft2(wave)
    return both
