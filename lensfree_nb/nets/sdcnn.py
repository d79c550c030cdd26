"""The sorter of Xue 2021: plain convolutions, from an image to how likely it is in focus."""

from __future__ import annotations

from typing import Final

from torch import nn

SIDE_PX: Final = 134
POOL: Final = 3
HIDDEN: Final = 512
# Of six unpadded convolutions and two pools between them.
LEAST_PX: Final = 61


class SDCNN(nn.Sequential):
    """Images (n, channel, y, x) to logits (n, class).

    Three pairs of 3 × 3 convolutions, two pools, the mean over the image, two dense layers.

    As in Xue 2021, §4.4: no padding, no norms, no dropout. Images are shrunk to 134 px a side and
    standardised one by one before they are shown; any size from 61 px on is taken.

    Parameters
    ----------
    inputs, outputs : int
        Channels of an image, and classes.
    features : int
        Of the first pair: 64 in the paper; twice as many in the second, four times in the third,
        eight times in the dense layer.

    Examples
    --------
    >>> import torch
    >>> SDCNN()(torch.zeros(1, 3, 134, 134)).shape
    torch.Size([1, 2])
    """

    # One answer for the whole image: there is no tile of it.
    halo_px: Final = 0
    stride_px: Final = 1
    tiled: Final = False

    def __init__(self, inputs: int = 3, outputs: int = 2, *, features: int = 64):
        parts: list[nn.Module] = []
        before = inputs
        for number, width in enumerate((features, 2 * features, 4 * features)):
            parts += [nn.MaxPool2d(POOL)] if number else []
            parts += [nn.Conv2d(before, width, 3), nn.ReLU(), nn.Conv2d(width, width, 3), nn.ReLU()]
            before = width
        hidden = HIDDEN * features // 64
        dense = [nn.Linear(before, hidden), nn.ReLU(), nn.Linear(hidden, outputs)]
        super().__init__(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), *dense)
        for part in self.modules():
            if isinstance(part, (nn.Conv2d, nn.Linear)):
                _begun_as_keras_does(part)


def _begun_as_keras_does(layer: nn.Conv2d | nn.Linear) -> None:
    """Glorot's uniform beginning, and no bias: without norms the published one matters."""
    nn.init.xavier_uniform_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
