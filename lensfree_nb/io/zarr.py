"""Zarr stores: this package's own, OME-Zarr (0.4 and 0.5), and a bare array."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr

from lensfree_nb.contract import SAME_PITCH
from lensfree_nb.errors import OpeningError, SetupError
from lensfree_nb.io.ome import in_um

_SECONDS: Final = {"second": 1.0, "millisecond": 1e-3, "minute": 60.0, "hour": 3600.0}
_MARKS: Final = ("zarr.json", ".zgroup", ".zarray", ".zattrs")


def is_zarr(path: Path) -> bool:
    """Whether a folder is a Zarr store."""
    return path.is_dir() and any((path / mark).exists() for mark in _MARKS)


def open_store(path: Path, *, dim: str) -> tuple[xr.DataArray | xr.Dataset, dict[str, Any]]:
    """What a Zarr store holds, lazily, and what it states about the setup.

    Returns
    -------
    data : Dataset or DataArray
        A Dataset for a store of this package, an array ``time, exposure, y, x`` otherwise.
    stated : dict
        Those of ``pixel_size_um, wavelength_nm, time`` that OME-Zarr states.

    Raises
    ------
    OpeningError
        If there is no hologram in it.
    """
    import dask.array as da
    import zarr

    try:
        node = zarr.open(str(path), mode="r")
    except Exception as error:  # zarr raises many kinds on damaged stores
        raise OpeningError(f"{path} cannot be read as Zarr ({error})") from error
    if isinstance(node, zarr.Array):
        return _framed(da.from_zarr(str(path)), "tcyx"[-node.ndim :], dim, path), {}
    attrs: dict[str, Any] = dict(node.attrs)
    attrs = attrs.get("ome", attrs)  # version 0.5 keeps everything under "ome"
    if attrs.get("multiscales"):
        return _ome(path, attrs["multiscales"][0], attrs, dim)
    dataset = xr.open_zarr(path, chunks={}, consolidated=False)
    if "hologram" not in dataset:
        raise OpeningError(
            f"{path} holds {sorted(map(str, dataset.data_vars))}, no hologram; open results by "
            "xarray.open_zarr"
        )
    return dataset, {}


def _ome(
    path: Path, multiscale: dict[str, Any], attrs: dict[str, Any], dim: str
) -> tuple[xr.DataArray, dict[str, Any]]:
    import dask.array as da

    level = multiscale["datasets"][0]
    array = da.from_zarr(str(path), component=level["path"])
    axes = multiscale.get("axes") or [{"name": name} for name in "tczyx"[-array.ndim :]]
    axes = [axis if isinstance(axis, dict) else {"name": axis} for axis in axes]
    names = "".join(str(axis["name"]).lower() for axis in axes)
    scale = np.ones(len(names))
    for part in (level, multiscale):  # what the level states holds within what the whole does
        for transformation in part.get("coordinateTransformations", []):
            if transformation["type"] == "scale":
                scale = scale * np.asarray(transformation["scale"], float)
    pitches = {
        axis["name"]: in_um(float(step), str(axis["unit"]))
        for axis, step in zip(axes, scale, strict=True)
        if axis["name"] in ("y", "x") and axis.get("unit")
    }
    known = [pitch for pitch in pitches.values() if pitch is not None]
    if known and max(known) > (1 + SAME_PITCH) * min(known):
        raise SetupError(f"{path.name} has pixels of {pitches} um; they must be square")
    stated: dict[str, Any] = {"pixel_size_um": known[-1]} if known else {}
    if "t" in names and axes[names.index("t")].get("unit") in _SECONDS:
        t = names.index("t")
        step = scale[t] * _SECONDS[axes[t]["unit"]]
        steps = (np.arange(array.shape[t]) * step * 1e9).round().astype("timedelta64[ns]")
        # OME-Zarr states no absolute time: count from the store's date.
        stated["time"] = np.datetime64(path.stat().st_mtime_ns, "ns") + steps
    channels = attrs.get("omero", {}).get("channels", [])
    found = [
        channel.get("emission_wavelength") or channel.get("wavelength") for channel in channels
    ]
    if found and all(isinstance(value, (int, float)) for value in found):
        stated["wavelength_nm"] = tuple(float(value) for value in found)
    return _framed(array, names, dim, path), stated


def _framed(array: Any, names: str, dim: str, path: Path) -> xr.DataArray:
    """Axes ``t, c, z, y, x`` as ``time, exposure, y, x``, one frame a chunk."""
    if "y" not in names or "x" not in names or len(names) != array.ndim:
        raise OpeningError(f"{path} has axes {names!r} for shape {array.shape}; y and x are needed")
    exposure = "c" if dim == "wavelength" else "z"
    named = xr.DataArray(array, dims=[*names])
    for axis in set(names) - {"t", exposure, "y", "x"}:
        if named.sizes[axis] != 1:
            raise OpeningError(
                f"{path} has {named.sizes[axis]} positions along {axis!r}; give dim='plane' for "
                "heights, or open one of them"
            )
        named = named.isel({axis: 0})
    for axis in ("t", exposure):
        if axis not in named.dims:
            named = named.expand_dims(axis)
    named = named.transpose("t", exposure, "y", "x").rename({"t": "time", exposure: dim})
    return named.chunk({"time": 1, dim: -1, "y": -1, "x": -1}).assign_attrs(
        {"full_scale": float(np.iinfo(named.dtype).max)}
        if named.dtype in (np.uint8, np.uint16)
        else {}
    )
