"""Writing images that were sorted and restored: a TIFF each, and a table of the verdicts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr

from lensfree_nb.errors import DimensionError
from lensfree_nb.io.export import safe_name, write_cells
from lensfree_nb.run.folders import made_folder

VERDICTS: Final = (
    "file", "focus", "focus_certainty", "defocus", "defocus_se", "trusted", "was_restored",
)  # fmt: skip
UNITS: Final = {"defocus": "defocus_depths_of_field", "defocus_se": "defocus_se_depths_of_field"}


def write_images(ds: xr.Dataset, folder: str | os.PathLike[str]) -> list[Path]:
    """Write ``restored`` (or ``image``) as TIFFs and ``focus.csv`` beside them, one by one.

    Parameters
    ----------
    ds : Dataset
        From ``ds.lf.refocus()``: along position or time. A lazy one is never in memory as a whole.
    folder : path
        Made if it does not exist. Files are named by their position, or numbered.

    Returns
    -------
    list of Path
        The TIFFs (float32), then the table.

    Raises
    ------
    DimensionError
        If there is nothing to write, or one image alone.
    """
    import tifffile

    name = next((name for name in ("restored", "image") if name in ds), None)
    dim = next((dim for dim in ("position", "time") if name and dim in ds[name].dims), None)
    if name is None or dim is None:
        raise DimensionError("the dataset has no images along position or time; nothing is written")
    target = made_folder(folder)
    names = _names(ds, dim)
    written = []
    for number, stem in enumerate(names):
        image = ds[name].isel({dim: number}).transpose(..., "y", "x").values
        path = target / f"{stem}.tif"
        temporary = target / f".{os.getpid()}.part.{path.name}"
        try:
            tifffile.imwrite(
                temporary, image.squeeze().astype(np.float32), photometric="minisblack",
                compression="zlib", description=str(ds[name].attrs.get("comment", "")),
            )  # fmt: skip
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        written.append(path)
    told = {UNITS.get(each, each): ds[each].values for each in VERDICTS if each in ds}
    _, csv = write_cells(pd.DataFrame({dim: names, **told}), target, "focus")
    return [*written, csv]


def _names(ds: xr.Dataset, dim: str) -> list[str]:
    """One a file, none twice."""
    count = ds.sizes[dim]
    if dim == "position" and dim in ds.coords and ds[dim].dtype.kind in "UO":
        names = [safe_name(str(name)) for name in ds[dim].values]
        if len(set(names)) == count:
            return names
    return [f"{dim}_{number:04d}" for number in range(count)]
