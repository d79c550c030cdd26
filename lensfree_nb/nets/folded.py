"""A U-Net on a folded image: every block of pixels a stack of channels, nothing thrown away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import pad, pixel_shuffle, pixel_unshuffle

from lensfree_nb.nets.unet import Levels, exactly, silent

# In units of the input: of OPD in 100 nm, that of a cell's rim and that of its middle.
SATURATIONS: Final[Sequence[float]] = (0.2, 1.0)


class FoldedUNet(Levels):
    """From images to other images, such as OPD to measurements, at a fraction of a U-Net's cost.

    Blocks of `fold` by `fold` pixels become stacks of channels (Shi et al., CVPR 2016), and what is
    drawn is unfolded in the same way. Each level sees `fold` times as far as a U-Net's.

    Parameters
    ----------
    inputs, outputs : int
        Images in and out.
    features, depth : int
        As of :class:`~lensfree_nb.nets.unet.Levels`, the finest level on the folded image.
    fold : int
        Side of a block (px).
    saturating : int
        Copies of each input beside it that say no more than :data:`SATURATIONS`: of a cell in such
        a copy the sum is its area, and the rim counts as much as the middle.

    Examples
    --------
    >>> import torch
    >>> FoldedUNet(1, 9, features=4)(torch.rand(1, 1, 50, 63)).shape
    torch.Size([1, 9, 50, 63])
    """

    def __init__(
        self,
        inputs: int = 1,
        outputs: int = 1,
        *,
        features: int = 32,
        depth: int = 4,
        fold: int = 2,
        saturating: int = 0,
    ):
        saturations = SATURATIONS[:saturating]
        seen = inputs * (1 + len(saturations))
        super().__init__(seen * fold**2, features=features, depth=depth)
        self.fold = fold
        self.saturations = saturations
        self.last = silent(features, outputs * fold**2)
        # A pixel's block may reach further than the pixel itself.
        self.halo_px = fold * self.halo_px + fold - 1
        self.stride_px = fold * self.stride_px

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, channel, y, x), any size, to images of the same size."""
        height, width = images.shape[-2:]
        short = (-width % self.fold, -height % self.fold)
        copies = [(images / most).clamp(-1, 1) for most in self.saturations]
        given = torch.cat([images, *copies], 1) if copies else images
        whole = pad(given, (0, short[0], 0, short[1]), mode="replicate")
        drawn = exactly(self.last, self.finest(pixel_unshuffle(whole, self.fold)))
        return pixel_shuffle(drawn, self.fold)[..., :height, :width]
