"""A U-Net on a folded image: every block of pixels a stack of channels, nothing thrown away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import pad, pixel_unshuffle

from lensfree_nb.nets.bands import joined, within
from lensfree_nb.nets.unet import Levels, exactly, silent

# In units of the input: of OPD in 100 nm, that of a cell's rim and that of its middle.
SATURATIONS: Final[Sequence[float]] = (0.2, 1.0)
# Sides (blocks) of the windows whose highest value is shown, and the least that has a logarithm.
WINDOWS: Final[Sequence[int]] = (1, 3, 5, 7)
LEAST: Final = 0.02
# Blocks that are drawn at once: what a processor's cache holds of the last layer's images.
DRAWN_AT_ONCE: Final = 2**14


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
    maxima : int
        In how many of :data:`WINDOWS` around each block the logarithm of the highest value is
        shown, at the beginning and once more to the last layer: convolutions know only means.
    corrects : int
        How many of the last outputs are added to the first inputs, and so correct them.
    adds : int
        As of :class:`~lensfree_nb.nets.unet.Levels`: 1 if it does.

    Attributes
    ----------
    tile_px : int
        Side of the tiles that suit it: it sees far, so that of larger ones less is halo, and
        holds little of them.

    Examples
    --------
    >>> import torch
    >>> FoldedUNet(1, 9, features=4)(torch.rand(1, 1, 50, 63)).shape
    torch.Size([1, 9, 50, 63])
    """

    tile_px: Final = 2816

    def __init__(
        self,
        inputs: int = 1,
        outputs: int = 1,
        *,
        features: int = 32,
        depth: int = 4,
        fold: int = 2,
        saturating: int = 0,
        maxima: int = 0,
        corrects: int = 0,
        adds: int = 0,
    ):
        saturations, windows = SATURATIONS[:saturating], WINDOWS[:maxima]
        seen, shown = inputs * (1 + len(saturations)), inputs * len(windows)
        super().__init__(seen * fold**2 + shown, features=features, depth=depth, adds=bool(adds))
        self.fold = fold
        self.corrects = corrects
        self.saturations = saturations
        self.windows = windows
        self.last = silent(features + shown, outputs * fold**2)
        # A pixel's block may reach further than the pixel itself, and a window beyond its block.
        beyond = max(windows, default=1) // 2
        self.halo_px = fold * (self.halo_px + beyond) + fold - 1
        self.stride_px = fold * self.stride_px

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, channel, y, x), any size, to images of the same size."""
        return joined(self.drawn(images), images.shape[2])

    def drawn(self, images: Tensor) -> Iterator[Tensor]:
        """As a call, some rows at a time."""
        height, width = images.shape[-2:]
        short = (-width % self.fold, -height % self.fold)
        whole = pad(images, (0, short[0], 0, short[1]), mode="replicate") if any(short) else images
        blocks = pixel_unshuffle(whole, self.fold)
        copies = [(blocks / most).clamp_(-1, 1) for most in self.saturations]
        highest = [self._highest(blocks)] if self.windows else []
        found = self.finest(torch.cat([blocks, *copies, *highest], 1))
        once = max(1, DRAWN_AT_ONCE // (len(blocks) * blocks.shape[3]))
        bands = (part for band in found for part in torch.split(band, once, dim=2))
        unfolded = (
            self._unfolded([band[..., : blocks.shape[3]], *(part[:, :, rows] for part in highest)])
            for rows, band in within(bands, blocks.shape[2])
        )
        for rows, band in within(unfolded, height):
            made = band[..., :width]
            if self.corrects:
                made[:, -self.corrects :] += images[:, : self.corrects, rows]
            yield made

    def _unfolded(self, parts: Sequence[Tensor]) -> Tensor:
        """Images of some rows of blocks, of what was found of these and what is beside it."""
        shown = torch.cat([part.to(self.last.weight.dtype) for part in parts], 1)
        drawn = exactly(self.last, shown)
        n, _, height, width = drawn.shape
        # As torch's pixel_shuffle, which is slower on processors.
        stacks = drawn.view(n, -1, self.fold, self.fold, height, width).permute(0, 1, 4, 2, 5, 3)
        return stacks.reshape(n, -1, self.fold * height, self.fold * width)

    def _highest(self, blocks: Tensor) -> Tensor:
        """Logarithm of the highest value in each window around each block."""
        height, width = blocks.shape[-2:]
        around = [blocks.view(len(blocks), -1, self.fold**2, height, width).amax(2)]
        for _ in self.windows[1:]:
            # Each window is the one before and a block more on every side.
            around.append(_widened(_widened(around[-1], 2), 3))
        highest = torch.cat(around, 1).clamp_min_(LEAST).log_()
        # As what it is put beside lies in memory: between layouts that would take twice as long.
        return highest.contiguous(memory_format=torch.channels_last)


def _widened(images: Tensor, along: int) -> Tensor:
    """The highest of each value and its two neighbours: quicker than a pool of maxima."""
    many = images.shape[along]
    ends = [images.narrow(along, place, 1) for place in (0, many - 1)]
    wide = torch.cat([ends[0], images, ends[1]], along)
    before, here, after = (wide.narrow(along, start, many) for start in range(3))
    return torch.maximum(torch.maximum(before, here), after)
