"""Holograms as an instrument leaves them: one TIFF a frame and colour, the time in its name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from lensfree_nb.contract import full_scale_of, hologram_of
from lensfree_nb.io.export import safe_name
from lensfree_nb.run.folders import made_folder

COUNTS_OF_BACKGROUND = 20_000


def write_instrument_files(ds: xr.Dataset, folder: str | os.PathLike[str]) -> Path:
    """Write one TIFF a frame and exposure, named by time and colour; frame by frame if lazy.

    Counts are written as they are, normalised holograms as 16-bit counts. A frame that was never
    recorded (all NaN) leaves no file.

    Parameters
    ----------
    ds : Dataset
        With ``hologram``; a frame without a time is named by its number.
    folder : path
        Made if it does not exist.
    """
    import tifffile

    target = made_folder(folder)
    hologram = hologram_of(ds)
    if "time" not in hologram.dims:
        hologram = hologram.expand_dims("time")
    labels = _labels(hologram)
    for stamp, frame in zip(frame_names(hologram), hologram, strict=True):
        for label, image in zip(labels, frame.values, strict=True):
            if not np.isfinite(image).any():
                continue
            name = safe_name(f"{stamp}_{label}") + ".tif"
            tifffile.imwrite(target / name, _counts(image, frame), compression="zlib")
    return target


def frame_names(hologram: xr.DataArray) -> list[str]:
    """What each frame's files are called: its time, or its number."""
    if "time" not in hologram.coords or hologram["time"].dtype.kind != "M":
        return [f"frame_{number:05d}" for number in range(hologram.sizes["time"])]
    return [pd.Timestamp(t).strftime("%Y%m%d_%H%M%S") for t in hologram["time"].values]


def _labels(hologram: xr.DataArray) -> list[str]:
    exposure = str(hologram.dims[1])
    count = hologram.sizes[exposure]
    if exposure == "plane":
        return [f"z{number}" for number in range(count)]
    if "wavelength" in hologram.coords:
        return [f"{w:.0f}nm" for w in np.atleast_1d(hologram.coords["wavelength"].values)]
    return [f"ch{number}" for number in range(count)]


def _counts(image: NDArray[Any], frame: xr.DataArray) -> NDArray[Any]:
    if frame.attrs.get("units") == "counts":
        if image.dtype.kind in "ui":
            return image
        small = full_scale_of(frame) <= np.iinfo(np.uint8).max
        return np.asarray(np.nan_to_num(image), np.uint8 if small else np.uint16)
    counts = np.nan_to_num(np.rint(image * COUNTS_OF_BACKGROUND))
    return np.asarray(np.clip(counts, 0, np.iinfo(np.uint16).max), np.uint16)
