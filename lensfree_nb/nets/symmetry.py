"""The eight ways to turn and mirror a square: light would have come out the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from torch import Tensor

SYMMETRIES: Final = 8


def turned(image: Tensor, number: int) -> Tensor:
    """An image (..., y, x) in one of eight ways; number 0 leaves it as it is.

    >>> import torch
    >>> image = torch.arange(6).view(2, 3)
    >>> turned(image, 4).shape, turned(image, 2).tolist()
    (torch.Size([3, 2]), [[3, 4, 5], [0, 1, 2]])
    """
    if number & 4:
        image = image.transpose(-1, -2)
    return _mirrored(image, number)


def turned_with(image: Tensor, number: int, vectors: Iterable[int]) -> Tensor:
    """As :func:`turned`, of an image some of whose channels point somewhere: they turn with it.

    Parameters
    ----------
    image : Tensor, shape (channel, y, x)
        What is turned.
    number : int
        How.
    vectors : iterable of int
        First channel of each pair (along y, along x).

    Examples
    --------
    >>> import torch
    >>> down = torch.tensor([1.0, 0.0]).view(2, 1, 1)
    >>> [turned_with(down, number, [0]).flatten().tolist() for number in (2, 4, 5)]
    [[-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]
    """
    found = turned(image, number).clone()
    for first in vectors:
        y, x = found[first].clone(), found[first + 1].clone()
        down, across = (x, y) if number & 4 else (y, x)
        found[first] = -down if number & 2 else down
        found[first + 1] = -across if number & 1 else across
    return found


def turned_back(image: Tensor, number: int) -> Tensor:
    """What :func:`turned` made of an image, as it was."""
    image = _mirrored(image, number)
    return image.transpose(-1, -2) if number & 4 else image


def _mirrored(image: Tensor, number: int) -> Tensor:
    axes = [axis for axis, bit in ((-2, 2), (-1, 1)) if number & bit]
    return image.flip(axes) if axes else image
