"""Whether an OPD begins at 0: networks see how high it is, and learned that bare ground is not."""

from __future__ import annotations

import warnings
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lensfree_nb.errors import QualityWarning

# At least so much of a frame is bare ground (%).
BARE: Final = 2.0
# So many pixels along y and x tell a frame's level as well as all.
EVERY: Final = 4


def off_level(frames: xr.DataArray, most_nm: float) -> xr.DataArray:
    """Of each frame ([time]; bool), whether its level is off 0 by more than a network can tell.

    It is where hardly any pixel is as low, or most are lower. Lazy where `frames` are.

    Parameters
    ----------
    frames : DataArray, dims ([time,] [moment,] y, x)
        OPD (nm); of two moments either may be off.
    most_nm : float
        How far off it may be.
    """
    thinned = frames.isel(y=slice(None, None, EVERY), x=slice(None, None, EVERY))
    whole = thinned.chunk({"y": -1, "x": -1}) if thinned.chunks else thinned
    found: xr.DataArray = xr.apply_ufunc(
        _off_level, whole, most_nm, input_core_dims=[["y", "x"], []], vectorize=True,
        dask="parallelized", output_dtypes=[bool],
    )  # fmt: skip
    return found.any("moment") if "moment" in found.dims else found


def _off_level(image: NDArray[Any], most_nm: float) -> bool:
    known = image[np.isfinite(image)]
    if not known.size:
        return False
    low, middle = np.percentile(known, (BARE, 50))
    off = bool(low > most_nm or middle < -most_nm)
    if off:
        warnings.warn(
            f"the OPD does not begin at 0 ({low:.0f} nm is among its lowest, {middle:.0f} nm in "
            "its middle): no cell is trusted; subtract the level of the bare ground, or hold the "
            "cells against the standard pipeline",
            QualityWarning,
            stacklevel=2,
        )
    return off
