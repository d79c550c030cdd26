"""Writing results: tables, stores and images that other programs read."""

from __future__ import annotations

import os
import re
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import xarray as xr
from dask.base import is_dask_collection

from lensfree_nb.contract import opd_of, pixel_size_of
from lensfree_nb.errors import DimensionError, ParameterError
from lensfree_nb.run.folders import made_folder

if TYPE_CHECKING:
    import pandas as pd

OPD_STEP_NM: Final = 0.1
_OPD_FILL: Final = -32768
_MAX_NAME: Final = 120


def safe_name(name: str) -> str:
    """A file name that stays in its folder, on every system.

    >>> safe_name("../../well A3: day 1")
    'well_A3_day_1'
    """
    cleaned = re.sub(r"[^A-Za-z0-9.\-]+", "_", str(name)).strip("._-")[:_MAX_NAME]
    if not cleaned:
        raise ParameterError(f"name is {name!r}; give one with letters or digits")
    return cleaned


def write_cells(
    table: Any, folder: str | os.PathLike[str], name: str = "cells"
) -> tuple[Path, Path]:
    """Write a cell table as Parquet and CSV.

    Each is written under a temporary name and renamed, so that no reader ever sees half a table.

    Parameters
    ----------
    table : DataFrame
        As ``ds.lf.cells()`` gives it; a dask DataFrame is computed.
    folder : path
        Made if it does not exist.
    name : str
        Without ending; see :func:`safe_name`.

    Returns
    -------
    (Path, Path)
        The Parquet and the CSV file.
    """
    target = made_folder(folder)
    computed: pd.DataFrame = table.compute() if is_dask_collection(table) else table
    if not hasattr(computed, "to_parquet"):
        raise ParameterError(f"table is a {type(table).__name__}; give a DataFrame")
    stem = safe_name(name)
    parquet, csv = target / f"{stem}.parquet", target / f"{stem}.csv"
    for path in (parquet, csv):
        temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            if path is parquet:
                computed.to_parquet(temporary, index=False)
            else:
                computed.to_csv(temporary, index=False)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    return parquet, csv


def write_dataset(ds: xr.Dataset, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a dataset as a Zarr v3 store.

    ``opd`` is kept as int16 in steps of 0.1 nm (±3276.7 nm; values beyond are clipped, NaN stays),
    the rest as it is. ``xarray.open_zarr`` reads it back; of an acquisition, also
    :func:`lensfree_nb.io.opening.open_acquisition`.

    Parameters
    ----------
    ds : Dataset
        Lazy or not; one frame a chunk where it is in memory.
    path : path
        Of the store, a folder.
    overwrite : bool
        Replace a store that is there.

    Raises
    ------
    ParameterError
        If `path` exists and `overwrite` is not set, or it is no store.
    """
    if not isinstance(ds, xr.Dataset):
        raise DimensionError(f"ds is a {type(ds).__name__}; give a Dataset (to_dataset makes one)")
    target = Path(path)
    if target.exists():
        if not overwrite:
            raise ParameterError(f"{target} exists; give overwrite=True or another path")
        if not (target / "zarr.json").exists():
            raise ParameterError(f"{target} is no Zarr store; it is not overwritten")
    encoding: dict[str, Any] = {}
    # Zarr's version 3 knows words of any length, not those of one.
    ds = ds.assign_coords(
        {n: c.astype(object) for n, c in ds.coords.items() if c.dtype.kind == "U"}
    )
    for name, variable in ds.data_vars.items():
        variable.encoding.clear()
        if "y" in variable.dims:
            frame = ("time", "metric")
            chunks = [1 if dim in frame else size for dim, size in variable.sizes.items()]
            encoding[str(name)] = {"chunks": tuple(chunks)}
            if variable.chunks is not None:
                ds[name] = variable.chunk(dict(zip(variable.dims, chunks, strict=True)))
    if "opd" in ds:
        limit = (-_OPD_FILL - 1) * OPD_STEP_NM
        opd = opd_of(ds)  # in nm, whatever it was kept in
        ds["opd"] = opd.clip(-limit, limit).assign_attrs(opd.attrs)
        encoding["opd"] |= {
            "dtype": "int16", "scale_factor": OPD_STEP_NM, "_FillValue": _OPD_FILL,
        }  # fmt: skip
    for coordinate in ds.coords.values():
        coordinate.encoding.clear()
    temporary = made_folder(target.parent) / f".{target.name}.{os.getpid()}.part"
    try:
        with warnings.catch_warnings():
            # zarr warns that its version 3 has no standard for it yet; others ignore it.
            warnings.filterwarnings("ignore", message="Consolidated metadata")
            ds.to_zarr(temporary, mode="w", zarr_format=3, consolidated=True, encoding=encoding)
        if target.exists():
            shutil.rmtree(target)
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def write_tiff(
    image: xr.DataArray,
    path: str | os.PathLike[str],
    *,
    pixel_size_um: float | None = None,
) -> Path:
    """Write an image or a stack as OME-TIFF with its physical sizes.

    Parameters
    ----------
    image : DataArray, dims ([time,] [wavelength | plane,] y, x)
        Floats are written as float32, integers as they are; frame by frame, so a lazy stack
        never is in memory as a whole.
    path : path
        Ends in ``.ome.tif``; the ending is added where it is missing.
    pixel_size_um : float, optional
        Read from the ``x`` coordinate when not given.

    Raises
    ------
    DimensionError
        If it has other dims.
    """
    import tifffile

    if not isinstance(image, xr.DataArray):
        raise DimensionError(
            f"image is a {type(image).__name__}; give one variable, such as rec['opd']"
        )
    axes = {"time": "T", "wavelength": "C", "plane": "Z", "y": "Y", "x": "X"}
    order = [dim for dim in axes if dim in image.dims]
    if set(order) != set(image.dims) or not {"y", "x"} <= set(order):
        raise DimensionError(
            f"image has dims {image.dims}; expected y, x and any of time, wavelength, plane"
        )
    image = image.transpose(*order)
    pitch = pixel_size_um or pixel_size_of(image.to_dataset(name="image"))
    target = Path(path)
    if not target.name.lower().endswith((".ome.tif", ".ome.tiff")):
        target = target.with_name(re.sub(r"\.tiff?$", "", target.name, flags=re.I) + ".ome.tif")
    dtype = np.dtype(np.float32) if image.dtype.kind == "f" else image.dtype
    metadata: dict[str, Any] = {
        "axes": "".join(axes[dim] for dim in order),
        "PhysicalSizeX": pitch, "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": pitch, "PhysicalSizeYUnit": "µm",
        "Name": str(image.attrs.get("long_name", image.name or "image")),
        "Description": f"units: {image.attrs.get('units', '1')}",
    }  # fmt: skip
    if image.sizes.get("time", 0) > 1 and "time" in image.coords:
        steps = np.diff(image.coords["time"].values).astype("timedelta64[ns]").astype(float) / 1e9
        metadata |= {"TimeIncrement": float(np.median(steps)), "TimeIncrementUnit": "s"}
    if "wavelength" in image.dims and "wavelength" in image.coords:
        metadata["Channel"] = {
            "EmissionWavelength": [float(w) for w in image.coords["wavelength"].values],
            "EmissionWavelengthUnit": ["nm"] * image.sizes["wavelength"],
        }
    lead = image.shape[:-2]
    planes = (np.asarray(image[index].data, dtype) for index in np.ndindex(lead))
    temporary = made_folder(target.parent) / f".{os.getpid()}.part.{target.name}"
    try:
        tifffile.imwrite(
            temporary, planes, shape=image.shape, dtype=dtype, ome=True, metadata=metadata,
            photometric="minisblack", compression="zlib",
        )  # fmt: skip
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return target
