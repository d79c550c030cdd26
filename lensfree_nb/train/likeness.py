"""How unlike images are, each by itself, as losses: those of Xue 2021 (§4.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import conv2d

# Wang et al., IEEE Trans. Image Process. 13, 600 (2004): window and constants.
SIGMA_PX, REACH_PX, K1, K2 = 1.5, 5, 0.01, 0.03
HEAVY: Final = 100.0
Loss = Callable[[Tensor, Tensor, float], Tensor]


def structural_similarity(images: Tensor, truth: Tensor, data_range: float) -> Tensor:
    """Mean SSIM of each of some images (n, channel, y, x), where windows lie within them.

    Gaussian windows; as scikit-image gives it with ``gaussian_weights=True, sigma=1.5,
    use_sample_covariance=False``, which cannot be learned through.

    Parameters
    ----------
    images, truth : Tensor
        At least 11 px a side.
    data_range : float
        Of the scale that both are on.

    Returns
    -------
    Tensor, shape (n,)
        1 where both are the same.

    Examples
    --------
    >>> images = torch.rand(2, 1, 20, 30)
    >>> structural_similarity(images, images, 1.0).tolist()
    [1.0, 1.0]
    """
    n, channels = images.shape[:2]
    at = torch.arange(-REACH_PX, REACH_PX + 1, device=images.device, dtype=images.dtype)
    window = torch.exp(-0.5 * (at / SIGMA_PX) ** 2)
    window = window / window.sum()
    both = torch.stack([images, truth, images * images, truth * truth, images * truth])
    flat = both.reshape(-1, 1, *images.shape[-2:])
    down = conv2d(flat, window[None, None, :, None])
    means = conv2d(down, window[None, None, None, :]).reshape(5, n, channels, -1)
    mine, theirs, own, other, cross = means
    level, spread = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    squares = mine.square() + theirs.square()
    alike = (2 * mine * theirs + level) / (squares + level)
    alike = alike * (2 * (cross - mine * theirs) + spread) / (own + other - squares + spread)
    each: Tensor = alike.mean((1, 2))
    return each


def _unlike(found: Tensor, truth: Tensor, data_range: float) -> Tensor:
    return 1 - structural_similarity(found, truth, data_range)


def _mean_absolute(found: Tensor, truth: Tensor, data_range: float) -> Tensor:
    return (found - truth).abs().mean((1, 2, 3))


def _both(found: Tensor, truth: Tensor, data_range: float) -> Tensor:
    return _mean_absolute(found, truth, data_range) + HEAVY * _unlike(found, truth, data_range)


LOSSES: Final[Mapping[str, Loss]] = {"l1": _mean_absolute, "ssim": _unlike, "l1+ssim": _both}
