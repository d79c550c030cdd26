"""ResNet50V2, the sorter that Xue 2021 compares with."""

from __future__ import annotations

from typing import Final

from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

# Blocks of each stage, and the stride that its last block ends with.
STAGES: Final = ((3, 2), (4, 2), (6, 2), (3, 1))
WIDENED: Final = 4
# As Keras has them: epsilon of the norms, and what their running means let in of each batch.
EPSILON, MOMENTUM = 1.001e-5, 0.01


class ResNet50V2(nn.Module):
    """Fifty layers of residual blocks with norms before their convolutions (He et al., ECCV 2016).

    Built as Keras builds it, which Xue 2021 used: the last block of a stage strides, not the first.

    Parameters
    ----------
    inputs, outputs : int
        Channels of an image, and classes.
    features : int
        Of the first layer, 64 in the paper; the others follow.

    Examples
    --------
    >>> import torch
    >>> ResNet50V2(features=8).eval()(torch.zeros(1, 3, 134, 134)).shape
    torch.Size([1, 2])
    """

    # One answer for the whole image: there is no tile of it.
    halo_px: Final = 0
    stride_px: Final = 1
    tiled: Final = False

    def __init__(self, inputs: int = 3, outputs: int = 2, *, features: int = 64):
        super().__init__()
        self.first = nn.Conv2d(inputs, features, 7, stride=2, padding=3)
        blocks: list[nn.Module] = []
        before = features
        for number, (count, stride) in enumerate(STAGES):
            width = features * 2**number
            for place in range(count):
                last = place == count - 1
                blocks.append(Bottleneck(before, width, stride if last else 1, place == 0))
                before = WIDENED * width
        self.blocks = nn.Sequential(*blocks)
        self.norm = _norm(before)
        self.last = nn.Linear(before, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, channel, y, x) to logits (n, class)."""
        found = max_pool2d(self.first(images), 3, stride=2, padding=1)
        found = relu(self.norm(self.blocks(found)))
        made: Tensor = self.last(found.mean((-2, -1)))
        return made


class Bottleneck(nn.Module):
    """Narrow, look around, widen, and add what came in.

    Parameters
    ----------
    before, width : int
        Features that come in, and in the narrow middle.
    stride : int
        1, or 2 to halve the image.
    projected : bool
        Whether what came in is widened, too, before it is added.
    """

    def __init__(self, before: int, width: int, stride: int, projected: bool):
        super().__init__()
        after = WIDENED * width
        self.stride = stride
        self.before = _norm(before)
        self.projection = nn.Conv2d(before, after, 1, stride=stride) if projected else None
        self.narrow = nn.Sequential(nn.Conv2d(before, width, 1, bias=False), _norm(width))
        look = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.look = nn.Sequential(look, _norm(width))
        self.widen = nn.Conv2d(width, after, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Features (n, channel, y, x), halved where it strides."""
        ready = relu(self.before(images))
        if self.projection is not None:
            beside = self.projection(ready)
        else:
            beside = max_pool2d(images, 1, self.stride) if self.stride > 1 else images
        made: Tensor = beside + self.widen(relu(self.look(relu(self.narrow(ready)))))
        return made


def _norm(features: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(features, eps=EPSILON, momentum=MOMENTUM)
