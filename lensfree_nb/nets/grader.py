"""From an image to one verdict on it: places vote, those that can tell louder than others."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pad, pixel_unshuffle

from lensfree_nb.nets.unet import WIDEST, Pointwise, silent, two_convolutions

# How much louder than another a place may be, as a logarithm.
LOUDEST: Final = 6.0


class Grader(nn.Module):
    """Logits of grades, the weighted mean of what each block of an image says.

    Without norms, and with weights of the places that add up, so that a large image may be judged
    in parts: :meth:`votes` of the parts are added, and their quotient is the verdict on the whole,
    but for what blocks along the seams would have seen beyond them.

    Parameters
    ----------
    inputs, outputs : int
        Channels of an image, and grades.
    features : int
        At the finest level; twice as many at the next, four times as many below it.
    depth : int
        Levels, each half as fine as the one above.
    fold : int
        Side of the blocks of pixels (px) that the finest level takes as one.

    Attributes
    ----------
    block_px : int
        Side of what votes (px).

    Examples
    --------
    >>> Grader()(torch.rand(2, 1, 100, 131)).shape
    torch.Size([2, 8])
    """

    # One answer for the whole image: there is no tile of it.
    halo_px: Final = 0
    stride_px: Final = 1
    tiled: Final = False

    def __init__(
        self, inputs: int = 1, outputs: int = 8, *, features: int = 16, depth: int = 4,
        fold: int = 2,
    ):  # fmt: skip
        super().__init__()
        widths = [features * min(2**level, WIDEST) for level in range(depth)]
        self.fold, self.block_px = fold, fold * 2 ** (depth - 1)
        self.levels = nn.ModuleList(
            two_convolutions(before, after)
            for before, after in pairwise([inputs * fold**2, *widths])
        )
        self.verdict, self.voice = Pointwise(widths[-1], outputs), silent(widths[-1], 1)

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, channel, y, x) to logits (n, grade)."""
        said, loud = self.votes(images)
        return said / loud

    def votes(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """What all places say together (n, grade), and how loudly (n, 1)."""
        said, loud = self.places(images)
        return (said * loud).sum((-2, -1)), loud.sum((-2, -1))

    def places(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """What each block says (n, grade, y, x), and how loudly (n, 1, y, x)."""
        short = [-n % self.block_px for n in images.shape[:-3:-1]]
        whole = pad(images, (0, short[0], 0, short[1]), mode="replicate")
        found = pixel_unshuffle(whole, self.fold)
        for number, level in enumerate(self.levels):
            found = level(avg_pool2d(found, 2) if number else found)
        with torch.autocast(images.device.type, enabled=False):
            found = found.to(self.verdict.weight.dtype)
            said, loud = self.verdict(found), self.voice(found)
            return said, (LOUDEST * torch.tanh(loud / LOUDEST)).exp()
