"""The slow background of a frame: a local straight-line fit of data to model over a wide Gaussian.

A local mean would be wrong at the frame's border, where it looks to one side only: uneven light
would be taken there for absorption. A local line has no such bias (Fan & Gijbels, Local Polynomial
Modelling and Its Applications, 1996, §3.2.5).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from lensfree_nb.optics.propagation import fast_shape

LEAST_WEIGHT = 1e-3
BLOCKS_A_SIGMA = 5
REACH_SIGMAS = 4
# Added to the spread of the known pixels (1 around a pixel far inside): few of them give no slope.
RIDGE = 0.005


def slow_background(top: Tensor, bottom: Tensor, sigma_px: float, overall: float) -> Tensor:
    """Least-squares factor ``b`` in ``data = b model``, where ``b`` varies over `sigma_px`.

    Parameters
    ----------
    top, bottom : Tensor, shape (y, x)
        ``weight data model`` and ``weight model^2``.
    sigma_px : float
        Standard deviation of the Gaussian (px). The fit is made on means over blocks of a fifth
        of it.
    overall : float
        What stands in where nothing is known within reach.

    Returns
    -------
    Tensor, shape (y, x)
        Positive.
    """
    height, width = top.shape
    block = max(1, int(sigma_px / BLOCKS_A_SIGMA))
    fitted = _local_line(_blocks(top, block), _blocks(bottom, block), sigma_px / block, overall)
    if block > 1:
        fitted = interpolate(fitted[None, None], scale_factor=block, mode="bilinear")[0, 0]
    return fitted[:height, :width]


def _blocks(image: Tensor, block: int) -> Tensor:
    pooled: Tensor = avg_pool2d(image[None], block, ceil_mode=True, count_include_pad=False)[0]
    return pooled.double()


def _local_line(top: Tensor, bottom: Tensor, sigma: float, overall: float) -> Tensor:
    """Value at each pixel of the line fitted around it, from moments in units of `sigma`."""
    smooth = _Gaussian((top.shape[0], top.shape[1]), sigma, top.device)
    y, x = (
        torch.arange(n, dtype=torch.float64, device=top.device) / sigma for n in top.shape
    )  # fmt: skip
    y, x = y[:, None], x[None, :]
    weight = smooth(bottom)
    known = weight > LEAST_WEIGHT
    weight = weight.clamp(min=LEAST_WEIGHT)
    level = smooth(top) / weight
    at_y, at_x = smooth(bottom * y) / weight, smooth(bottom * x) / weight
    spread_y = smooth(bottom * y * y) / weight - at_y**2 + RIDGE
    spread_x = smooth(bottom * x * x) / weight - at_x**2 + RIDGE
    spread = smooth(bottom * y * x) / weight - at_y * at_x
    rise_y = smooth(top * y) / weight - level * at_y
    rise_x = smooth(top * x) / weight - level * at_x
    determinant = (spread_y * spread_x - spread**2).clamp(min=RIDGE**2)
    slope_y = (spread_x * rise_y - spread * rise_x) / determinant
    slope_x = (spread_y * rise_x - spread * rise_y) / determinant
    fitted = level + slope_y * (y - at_y) + slope_x * (x - at_x)
    # A line is not followed to where it would turn the light off.
    fitted = torch.maximum(fitted, level / 4)
    return torch.where(known, fitted, overall).clamp_(min=1e-6).float()


class _Gaussian:
    """Average over a Gaussian, zero beyond the image."""

    def __init__(self, frame: tuple[int, int], sigma: float, device: torch.device):
        self.frame = frame
        self.shape = fast_shape(frame, math.ceil(REACH_SIGMAS * sigma / 2))
        fy = torch.fft.fftfreq(self.shape[0], dtype=torch.float64, device=device)[:, None]
        fx = torch.fft.rfftfreq(self.shape[1], dtype=torch.float64, device=device)[None, :]
        self.lowpass = torch.exp(-2 * (math.pi * sigma) ** 2 * (fy**2 + fx**2))

    def __call__(self, image: Tensor) -> Tensor:
        spectrum = torch.fft.rfft2(image, s=self.shape) * self.lowpass
        smooth: Tensor = torch.fft.irfft2(spectrum, s=self.shape)
        return smooth[: self.frame[0], : self.frame[1]]
