"""Writing images that were sorted and restored: a TIFF each, and a table of the verdicts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from lensfree_nb.errors import DimensionError, ParameterError, WritingError
from lensfree_nb.io.export import safe_name, write_cells
from lensfree_nb.run.folders import made_folder

TABLE: Final = "focus.csv"
VERDICTS: Final = (
    "file", "focus", "focus_certainty", "defocus", "defocus_se", "trusted", "was_restored",
)  # fmt: skip
UNITS: Final = {"defocus": "defocus_depths_of_field", "defocus_se": "defocus_se_depths_of_field"}


def write_images(
    ds: xr.Dataset, folder: str | os.PathLike[str], *, overwrite: bool = False
) -> list[Path]:
    """Write ``restored`` (or ``image``) as OME-TIFFs and ``focus.csv`` beside them, one by one.

    Parameters
    ----------
    ds : Dataset
        From ``ds.lf.refocus()``: along position or time. A lazy one is never in memory as a whole.
    folder : path
        Made if it does not exist. Files are named ``POSITION_restored.tif`` or
        ``POSITION_image.tif``; by number where a position makes no name, or none of its own.
    overwrite : bool
        Whether files that are there already make room.

    Returns
    -------
    list of Path
        The TIFFs (float32), then the table, which says which file is of which position or time.

    Raises
    ------
    DimensionError
        If there is nothing to write, or one image alone.
    WritingError
        If a file is there already; then nothing is written.
    """
    name = next((name for name in ("restored", "image") if name in ds), None)
    dim = next((dim for dim in ("position", "time") if name and dim in ds[name].dims), None)
    if name is None or dim is None:
        raise DimensionError("the dataset has no images along position or time; nothing is written")
    target = made_folder(folder)
    paths = [target / f"{stem}_{name}.tif" for stem in _stems(ds, dim)]
    taken = [path.name for path in (*paths, target / TABLE) if path.exists()]
    if taken and not overwrite:
        raise WritingError(
            f"{target} holds {taken[0]} already; give another folder, or overwrite=True"
        )
    for number, path in enumerate(paths):
        _write(ds[name].isel({dim: number}), path, ds.attrs.get("pixel_size_um"))
    told = {UNITS.get(each, each): ds[each].values for each in VERDICTS if each in ds}
    where = ds[dim].values if dim in ds.coords else range(ds.sizes[dim])
    table = pd.DataFrame({dim: where, "written": [path.name for path in paths], **told})
    _, csv = write_cells(table, target, TABLE.removesuffix(".csv"))
    return [*paths, csv]


def _write(image: xr.DataArray, path: Path, pixel_size_um: float | None) -> None:
    """Under a temporary name first, so that no reader ever sees half an image."""
    import tifffile

    planes = image.transpose(..., "y", "x").values.astype(np.float32).squeeze()
    metadata: dict[str, Any] = {"axes": "CYX"[-planes.ndim :]}
    metadata["Description"] = str(image.attrs.get("comment", ""))
    if pixel_size_um is not None:
        for axis in "XY":
            metadata |= {f"PhysicalSize{axis}": pixel_size_um, f"PhysicalSize{axis}Unit": "µm"}
    temporary = path.with_name(f".{os.getpid()}.part.{path.name}")
    try:
        tifffile.imwrite(
            temporary, planes, ome=True, metadata=metadata, photometric="minisblack",
            compression="zlib",
        )  # fmt: skip
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _stems(ds: xr.Dataset, dim: str) -> list[str]:
    """One a file, none twice, also where a system takes capitals for small letters."""
    numbered = [f"{dim}_{number:04d}" for number in range(ds.sizes[dim])]
    if dim not in ds.coords or ds[dim].dtype.kind not in "UOT":
        return numbered
    try:
        names = [safe_name(str(name)) for name in ds[dim].values]
    except ParameterError:
        return numbered
    return names if len({name.lower() for name in names}) == len(names) else numbered
