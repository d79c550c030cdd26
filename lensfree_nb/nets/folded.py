"""A U-Net on a folded image: every block of pixels a stack of channels, nothing thrown away."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import pad, pixel_shuffle, pixel_unshuffle

from lensfree_nb.nets.unet import Levels, exactly, silent

FOLD = 2


class FoldedUNet(Levels):
    """From images to other images, such as OPD to measurements, at a quarter of a U-Net's cost.

    Two by two pixels become four channels (Shi et al., CVPR 2016), and what is drawn is unfolded
    in the same way. Each level sees twice as far as a U-Net's.

    Parameters
    ----------
    inputs, outputs : int
        Images in and out.
    features, depth : int
        As of :class:`~lensfree_nb.nets.unet.Levels`, the finest level on the folded image.

    Examples
    --------
    >>> import torch
    >>> FoldedUNet(1, 9, features=4)(torch.rand(1, 1, 50, 63)).shape
    torch.Size([1, 9, 50, 63])
    """

    def __init__(self, inputs: int = 1, outputs: int = 1, *, features: int = 32, depth: int = 4):
        super().__init__(inputs * FOLD**2, features=features, depth=depth)
        self.last = silent(features, outputs * FOLD**2)
        # A pixel's block may reach one pixel further than the pixel itself.
        self.halo_px = FOLD * self.halo_px + FOLD - 1
        self.stride_px = FOLD * self.stride_px

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, channel, y, x), any size, to images of the same size."""
        height, width = images.shape[-2:]
        even = pad(images, (0, width % FOLD, 0, height % FOLD), mode="replicate")
        drawn = exactly(self.last, self.finest(pixel_unshuffle(even, FOLD)))
        return pixel_shuffle(drawn, FOLD)[..., :height, :width]
