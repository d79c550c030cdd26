"""A U-Net that says of each octave of an image, from place to place, how strong it ought to be."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from lensfree_nb.errors import ParameterError
from lensfree_nb.nets.bands import joined, within
from lensfree_nb.nets.folded import FoldedUNet

# Of Gaussians, in their standard deviations: what lies farther out is left off.
REACH: Final = 3.0


class OctaveUNet(nn.Module):
    """A filter that hangs on what is around: octaves of an image, weighed and added up again.

    What defocus does to a weak object is a filter, other at each distance, and so is what undoes
    it. A network of convolutions can only add; here it says what each octave is to be multiplied
    by, and what is to be added besides. Before training it changes nothing.

    Parameters
    ----------
    inputs, outputs : int
        Images in and out; the first `outputs` of the inputs are corrected, each by its own weights,
        the others are beside them.
    features, depth, fold : int
        As of :class:`~lensfree_nb.nets.folded.FoldedUNet`, which says the weights.
    octaves : int
        How many are told apart, from the finest on (1 px, 2 px, 4 px, ...); what is coarser is one.

    Attributes
    ----------
    halo_px, stride_px, tile_px : int
        As of :class:`~lensfree_nb.nets.folded.FoldedUNet`.

    Raises
    ------
    ParameterError
        If fewer images come in than are to come out.

    Examples
    --------
    >>> images = torch.rand(1, 2, 50, 63)
    >>> torch.allclose(OctaveUNet(features=4)(images), images[:, :1], atol=1e-6)
    True
    """

    tile_px: Final = FoldedUNet.tile_px

    def __init__(
        self,
        inputs: int = 2,
        outputs: int = 1,
        *,
        features: int = 32,
        depth: int = 4,
        fold: int = 2,
        octaves: int = 4,
    ):
        super().__init__()
        if inputs < outputs:
            raise ParameterError(f"{outputs} images cannot be corrected: {inputs} come in")
        shown = outputs * (octaves + 1)
        self.unet = FoldedUNet(
            shown + inputs - outputs, shown + outputs, features=features, depth=depth, fold=fold
        )
        self.outputs = outputs
        self.widths_px = [2.0**octave for octave in range(octaves)]
        self.halo_px = self.unet.halo_px + max(map(_reach, self.widths_px), default=0)
        self.stride_px = self.unet.stride_px

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, channel, y, x), any size, to images of the same size."""
        return joined(self.drawn(images), images.shape[2])

    def drawn(self, images: Tensor) -> Iterator[Tensor]:
        """As a call, some rows at a time."""
        corrected, beside = images[:, : self.outputs], images[:, self.outputs :]
        octaves = octaves_of(corrected, self.widths_px)
        told = self.unet.drawn(torch.cat([octaves, beside], 1))
        for rows, said in within(told, images.shape[2]):
            weights, added = said[:, : -self.outputs], said[:, -self.outputs :]
            weighed = (weights * octaves[:, :, rows]).split(self.outputs, 1)  # type: ignore[no-untyped-call]
            yield corrected[:, :, rows] + sum(weighed) + added


def octaves_of(images: Tensor, widths_px: list[float]) -> Tensor:
    """What each Gaussian takes away that the one before it left, and what the last one leaves.

    Parameters
    ----------
    images : Tensor, shape (n, channel, y, x)
        Continued by its border.
    widths_px : list of float
        Standard deviations, from narrow to wide.

    Returns
    -------
    Tensor, shape (n, (len(widths_px) + 1) * channel, y, x)
        From fine to coarse; they add up to the images.
    """
    left = [images, *(_smoothed(images, width) for width in widths_px)]
    return torch.cat([*(finer - coarser for finer, coarser in pairwise(left)), left[-1]], 1)


def _smoothed(images: Tensor, width_px: float) -> Tensor:
    """By a Gaussian, in the precision of the images, whatever the layers are in."""
    reach = _reach(width_px)
    at = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
    line = torch.exp(-0.5 * (at / width_px) ** 2)
    line = line / line.sum()
    with torch.autocast(images.device.type, enabled=False):
        wide = pad(images.flatten(0, 1)[:, None], (reach,) * 4, mode="replicate")
        made = conv2d(conv2d(wide, line[None, None, :, None]), line[None, None, None])
    return made.view(images.shape)


def _reach(width_px: float) -> int:
    return math.ceil(REACH * width_px)
