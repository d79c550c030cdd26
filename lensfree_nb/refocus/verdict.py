"""What a network is shown of an image, and what its logits say of the focus."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from lensfree_nb.nets.grader import Grader

# Within half a depth of field to either side nothing looks blurred.
IN_FOCUS: Final = 0.5
# Larger images are judged in parts, whose votes are added.
PART_PX: Final = 1024
FLAT: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Verdict:
    """On one image.

    Parameters
    ----------
    focus : float
        How probably it is in focus.
    certainty : float
        1 less the entropy of that in bits: 0 says nothing, 1 is sure.
    defocus, spread : float
        Expected distance from the focus, and its standard deviation (depths of field); NaN of
        networks that know only in and out.
    """

    focus: float
    certainty: float
    defocus: float = math.nan
    spread: float = math.nan


def standardised(images: Tensor) -> Tensor:
    """Zero mean and unit deviation of each image (..., channel, y, x); a flat one is 0.

    As TensorFlow's ``per_image_standardization``, which Xue 2021 used (§4.4): over all channels;
    but for its least deviation, which hangs on the scale.
    """
    spread, mean = torch.std_mean(images, (-3, -2, -1), correction=0, keepdim=True)
    # What is left of a flat image is rounding.
    least = FLAT * images.abs().amax((-3, -2, -1), keepdim=True).clamp(min=FLAT)
    return torch.where(spread > least, (images - mean) / spread.clamp(min=least), 0.0)


def fitted(images: Tensor, side_px: int | None, fit: str = "resize") -> Tensor:
    """Images (n, channel, y, x) as large as a network wants them.

    Parameters
    ----------
    images : Tensor
        Any size.
    side_px : int or None
        Of the square that it wants; None leaves them as they are.
    fit : {"resize", "crop"}
        Bilinear, or the middle alone (mirrored around where an image is smaller).
    """
    if side_px is None:
        return images
    if fit == "resize":
        return interpolate(images, (side_px, side_px), mode="bilinear", align_corners=False)
    for axis in (-2, -1):
        size = images.shape[axis]
        if size >= side_px:
            images = images.narrow(axis, (size - side_px) // 2, side_px)
            continue
        before = (side_px - size) // 2
        around = (before, side_px - size - before)
        images = pad(images, around if axis == -1 else (0, 0, *around), mode="replicate")
    return images


def in_channels(images: Tensor, channels: int) -> Tensor:
    """Grey images of colour ones, or the same in every channel of grey ones."""
    have = images.shape[-3]
    if have == channels:
        return images
    grey = images.mean(-3, keepdim=True)
    return grey.expand(*images.shape[:-3], channels, *images.shape[-2:])


def shown(images: Tensor, options: Mapping[str, Any]) -> Tensor:
    """What a network of these options is shown of images (n, channel, y, x)."""
    channelled = in_channels(images, int(options["inputs"]))
    return standardised(fitted(channelled, options.get("side_px"), options.get("fit", "resize")))


def judged(network: nn.Module, image: Tensor) -> Tensor:
    """Logits (grade) of one image (channel, y, x), as :func:`shown` gives it."""
    whole = image[None]
    if not isinstance(network, Grader) or max(image.shape[-2:]) <= PART_PX:
        found: Tensor = network(whole)[0]
        return found
    parts = [
        part for rows in torch.split(whole, PART_PX, -2) for part in torch.split(rows, PART_PX, -1)
    ]
    said, loud = (
        torch.stack(votes).sum(0) for votes in zip(*map(network.votes, parts), strict=True)
    )
    return (said / loud)[0]


def verdict(logits: Tensor, options: Mapping[str, Any]) -> Verdict:
    """What logits (grade) say.

    Parameters
    ----------
    logits : Tensor
        Of each grade; of in and out of focus where there are no edges.
    options : mapping
        Of the network. ``edges``: between the grades (depths of field), rising. ``temperature``:
        what logits are divided by, so that probabilities are as often right as they say (Guo et
        al., ICML 2017). ``grade_shares``: how often each grade came while it learned; then the
        verdict is as if in and out of focus came equally often, and so did the grades of either
        (Saerens et al., Neural Comput. 14, 21 (2002)).
    """
    edges = options.get("edges")
    shares = (logits.double() / options.get("temperature", 1.0)).softmax(-1)
    if edges is None:
        focus = float(shares[0])
        return Verdict(focus, _certainty(focus))
    bounds = [0.0, *edges, edges[-1] + (edges[-1] - edges[-2])]
    middles = torch.tensor([(a + b) / 2 for a, b in pairwise(bounds)])
    middles = middles.to(shares)
    within = torch.tensor(bounds[1:]).to(shares) <= IN_FOCUS + 1e-9
    if "grade_shares" in options:
        alike = torch.where(within, within.sum(), (~within).sum()).to(shares)
        shares = shares / (torch.tensor(options["grade_shares"]).to(shares) * alike)
        shares = shares / shares.sum()
    focus = float(shares[within].sum())
    mean = float((shares * middles).sum())
    spread = float((shares * (middles - mean) ** 2).sum().sqrt())
    return Verdict(focus, _certainty(focus), mean, spread)


def _certainty(share: float) -> float:
    entropy = -sum(p * math.log2(p) for p in (share, 1 - share) if p > 0)
    return 1 - min(entropy, 1.0)
