"""Where, and whether, a frame's reconstruction is to be believed: what it leaves unexplained.

A cell thicker than half a wavelength that came out a wave too thin leaves a tenth of the frame's
contrast unexplained over the reach of its central fringes, and more; a faithful one leaves noise.
Over a whole frame the same holds: a network's answer leaves less than what is allowed, colours in
the wrong order leave more (``benchmarks/failures.py``).
"""

from __future__ import annotations

from typing import Final

import xarray as xr

# Chosen on tuning scenes, where they tell cells whose optical volume is off by a tenth from others.
LEAST_SHARE: Final = 0.06
NOISES: Final = 2.0


def most_unexplained(contrast: xr.DataArray, noise: xr.DataArray) -> xr.DataArray:
    """How much may stay unexplained around a pixel that is trusted.

    Parameters
    ----------
    contrast, noise : DataArray
        Squared amplitude of a frame's fringes, noise included, and of its noise, at a pixel.
    """
    return LEAST_SHARE * (contrast - noise).clip(min=0) + NOISES * noise


def above_0(amount: xr.DataArray) -> xr.DataArray:
    """What may be divided by: NaN where there is nothing."""
    return amount.where(amount > 0)
