"""What surrounds a pixel: a wide mean, and the white noise of an image."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from lensfree_nb.run.frame_values import LEAST_KNOWN

REACH_PX: Final = 16.0
SIGMAS: Final = 3.0
MEDIAN_OF_NORMAL: Final = 0.6745


def around(image: Tensor) -> Tensor:
    """Mean over a Gaussian neighbourhood of 16 px (standard deviation), within the frame.

    Of what is not NaN; NaN where less than half of it is known.
    """
    reach = math.ceil(SIGMAS * REACH_PX)
    place = torch.arange(-reach, reach + 1, dtype=torch.float32, device=image.device)
    weights = torch.exp(-0.5 * (place / REACH_PX) ** 2)
    known = image.isfinite().to(image.dtype)
    frame = torch.ones_like(image)
    both = torch.stack([image.nan_to_num(), known, frame])[:, None]
    for shape in ((1, 1, -1, 1), (1, 1, 1, -1)):
        padding = (reach, 0) if shape[2] == -1 else (0, reach)
        both = torch.nn.functional.conv2d(both, weights.view(shape), padding=padding)
    smooth, share = both[0, 0] / both[1, 0], both[1, 0] / both[2, 0]
    return torch.where(share >= LEAST_KNOWN, smooth, math.nan)


def unrecorded(seen: Tensor) -> Tensor:
    """Where so little was recorded nearby that what stands there is a guess (y, x; bool).

    Parameters
    ----------
    seen : Tensor of bool, shape (y, x)
        Where any exposure recorded anything.
    """
    share = avg_pool2d(seen[None, None].float(), int(REACH_PX), ceil_mode=True)
    # Dust and dead pixels fill no block: nearly every frame is spared the wide mean.
    if bool((share >= LEAST_KNOWN).all()):
        return torch.zeros_like(seen)
    return around(torch.where(seen, 1.0, math.nan)).isnan()


def noise_variance(image: Tensor) -> float:
    """Variance of white noise in an image (y, x), by the median of its second differences.

    Second differences along both axes leave little of fringes (Immerkaer, Comput. Vis. Image
    Underst. 64, 300 (1996)); their median, little of dust. What lies beside NaN is left out.
    """
    across = image[:, 2:] - 2 * image[:, 1:-1] + image[:, :-2]
    both = across[2:] - 2 * across[1:-1] + across[:-2]
    both = both[both.isfinite()]
    if not both.numel():
        return 0.0
    return (float(both.abs().median()) / MEDIAN_OF_NORMAL / 6) ** 2
