"""The slow background of a frame: a ratio of two images, each averaged over a wide Gaussian."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from lensfree_nb.optics.propagation import fast_shape

LEAST_WEIGHT = 1e-3
BLOCKS_A_SIGMA = 10
REACH_SIGMAS = 4


def slow_background(top: Tensor, bottom: Tensor, sigma_px: float, overall: float) -> Tensor:
    """Least-squares factor ``b`` in ``data = b model``, where ``b`` varies over `sigma_px`.

    Parameters
    ----------
    top, bottom : Tensor, shape (y, x)
        ``weight data model`` and ``weight model^2``.
    sigma_px : float
        Standard deviation of the Gaussian (px). It is applied to means over blocks of a tenth of
        it: the same within 0.1 %, and 0.4 % at the border, as of every pixel.
    overall : float
        What stands in where nothing is known within reach.

    Returns
    -------
    Tensor, shape (y, x)
        Positive.
    """
    block = max(1, int(sigma_px / BLOCKS_A_SIGMA))
    small_top, small_bottom = (_blocks(image, block) for image in (top, bottom))
    sigma = sigma_px / block
    smooth_top, smooth_bottom = _gaussian(small_top, sigma), _gaussian(small_bottom, sigma)
    ratio = torch.where(
        smooth_bottom > LEAST_WEIGHT, smooth_top / smooth_bottom.clamp(min=LEAST_WEIGHT), overall
    ).clamp_(min=1e-6)
    if block == 1:
        return ratio
    height, width = top.shape
    wide = interpolate(ratio[None, None], scale_factor=block, mode="bilinear")[0, 0]
    return wide[:height, :width]


def _blocks(image: Tensor, block: int) -> Tensor:
    pooled: Tensor = avg_pool2d(image[None], block, ceil_mode=True, count_include_pad=False)[0]
    return pooled


def _gaussian(image: Tensor, sigma_px: float) -> Tensor:
    """Gaussian average, zero beyond the image."""
    height, width = image.shape
    shape = fast_shape((height, width), math.ceil(REACH_SIGMAS * sigma_px / 2))
    fy = torch.fft.fftfreq(shape[0], device=image.device)[:, None]
    fx = torch.fft.rfftfreq(shape[1], device=image.device)[None, :]
    lowpass = torch.exp(-2 * (math.pi * sigma_px) ** 2 * (fy**2 + fx**2))
    spectrum = torch.fft.rfft2(image, s=shape) * lowpass
    smooth: Tensor = torch.fft.irfft2(spectrum, s=shape)
    return smooth[:height, :width]
