"""The contract of images through an objective: ``[position|time,] [channel,] y, x``."""

from __future__ import annotations

from typing import Final

import numpy as np
import xarray as xr

from lensfree_nb.errors import DataError, DimensionError
from lensfree_nb.units import dequantified

FRAME_DIMS: Final = ("position", "time")
FRAME: Final = ("channel", "y", "x")


def image_of(ds: xr.Dataset) -> xr.DataArray:
    """The images of a dataset, checked, in the order ``[position|time,] channel, y, x``.

    Looks at names, dims and types only; never at values, so nothing is computed. Grey images may
    lack ``channel``. The scale of the values is free; NaN marks a pixel that is unknown.

    Raises
    ------
    DimensionError, DataError
        If the dataset does not keep the contract.
    """
    if not isinstance(ds, xr.Dataset):
        raise DimensionError(f"expected an xarray.Dataset with 'image', not {type(ds).__name__}")
    if "image" not in ds:
        raise DimensionError(
            "the dataset has no variable 'image'; give it one: "
            "xr.Dataset({'image': (('position', 'y', 'x'), array)})"
        )
    image = dequantified(ds["image"])
    missing = [dim for dim in ("y", "x") if dim not in image.dims]
    extra = [dim for dim in image.dims if dim not in (*FRAME_DIMS, *FRAME)]
    if missing or extra or set(FRAME_DIMS) <= set(image.dims):
        raise DimensionError(
            f"image has dims {tuple(image.dims)}; expected [position or time,] [channel,] y, x"
        )
    if 0 in image.shape:
        raise DimensionError(f"image is empty: {dict(image.sizes)}")
    if np.dtype(image.dtype).kind not in "uif":
        raise DataError(f"image has dtype {image.dtype}; an image is an intensity, and real")
    if "channel" not in image.dims:
        image = image.expand_dims("channel")
    return image.transpose(*FRAME_DIMS, *FRAME, missing_dims="ignore")
