"""A result that a reconstruction starts from: it travels beside the hologram, tile by tile."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lensfree_nb.contract import exposure_dim, opd_of
from lensfree_nb.errors import DataError, DimensionError

IMAGES: Final = 2


def beside(hologram: xr.DataArray, start: xr.Dataset) -> xr.DataArray:
    """A hologram ([time,] exposure, y, x) with OPD (nm) and absorption as two more exposures.

    A start without time serves every frame. Nothing is computed.

    Raises
    ------
    DimensionError
        If the start has another shape, lies elsewhere, or is of other times.
    DataError
        If it is no number.
    """
    exposure = exposure_dim(hologram)
    opd = opd_of(start)
    absorption = start["absorption"] if "absorption" in start else xr.zeros_like(opd)
    wanted = {dim: size for dim, size in hologram.sizes.items() if dim != exposure}
    parts = [xr.DataArray(hologram.data, dims=hologram.dims).astype("float32")]
    for image in (opd, absorption):
        if any(wanted.get(dim) != size for dim, size in image.sizes.items()):
            raise DimensionError(
                f"start has {dict(image.sizes)}, the hologram {wanted}: give a result of the same "
                "frames, or of one"
            )
        for dim in image.dims:
            known = dim in image.coords and dim in hologram.coords
            if known and not np.array_equal(image[dim], hologram[dim]):
                raise DimensionError(f"start lies elsewhere than the hologram: its {dim} differs")
        if np.dtype(image.dtype).kind not in "uif":
            raise DataError(f"start has {image.name} of dtype {image.dtype}; it must be real")
        bare = xr.DataArray(image.data, dims=image.dims).astype("float32")
        new = {dim: size for dim, size in wanted.items() if dim not in bare.dims}
        parts.append(bare.expand_dims({**new, exposure: 1}))
    joined = xr.concat(parts, dim=exposure).transpose(*hologram.dims)
    kept = {name: c.variable for name, c in hologram.coords.items() if exposure not in c.dims}
    return joined.assign_coords(kept).assign_attrs(hologram.attrs)


def apart(image: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """The hologram (exposure, y, x) of :func:`beside`, and the start; 0 where that is unknown."""
    return image[:-IMAGES], np.nan_to_num(image[-IMAGES:], posinf=0.0, neginf=0.0)
