"""Opening an acquisition from files, lazily: one frame a chunk."""

from __future__ import annotations

import glob
import os
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import xarray as xr

from lensfree_nb.contract import EXPOSURE_DIMS, distance_of, hologram_of, setup_of
from lensfree_nb.errors import LensfreeWarning, OpeningError, ParameterError, SetupError
from lensfree_nb.io.acquisition import acquisition
from lensfree_nb.io.files import TIFF_SUFFIXES, open_files
from lensfree_nb.io.holopy import open_netcdf
from lensfree_nb.io.zarr import is_zarr, open_store
from lensfree_nb.provenance import provenance
from lensfree_nb.units import floats

_BACKGROUNDS: Final = ("auto", "stack", "frame")


def open_acquisition(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    wavelength_nm: Any = None,
    pixel_size_um: Any = None,
    distance_um: Any = None,
    dim: Literal["wavelength", "plane"] = "wavelength",
    time: Any = None,
    time_pattern: str | None = None,
    background: Any = "auto",
    dark: Any = None,
    saturation: float | None = None,
    dead: Any = "auto",
    medium_index: Any = None,
    source_diameter_um: Any = None,
    source_distance_mm: Any = None,
    bandwidth_nm: Any = None,
) -> xr.Dataset:
    """Open holograms from files; nothing but the first file is read until it is asked for.

    Parameters
    ----------
    paths : path, glob, folder, or sequence of paths
        TIFF: one file a frame (its pages or RGB samples the exposures), one file an exposure
        (grouped by what differs in the name: ``red``, ``640nm``, ``ch0``…; ``z3``, ``plane2`` for
        heights), or one file with all frames; ImageJ hyperstacks and OME-TIFF by their
        axes. A Zarr store: this package's, OME-Zarr, or a bare array.
        In natural order (2 before 10).
    wavelength_nm, pixel_size_um, distance_um, dim, time
        As in :func:`lensfree_nb.io.acquisition.acquisition`; read from the metadata or the file
        names where not given. What is given wins, and a conflict is warned of. Named colours
        go by wavelength: ``red`` is the longest of those given.
    time_pattern : str, optional
        How a file name states the time: strptime directives (``"%Y%m%d_%H%M%S"``) or a
        regular expression with named groups. Without one, ``2024-05-01T12-30-00``,
        ``20240501_123000`` and the like are recognised; else the file's metadata tell, or its
        modification date, where these rise as the names do. A stack in one file without time
        steps gets no times.
    background : {"auto", "stack", "frame"}, array, path, or None
        See :func:`lensfree_nb.io.background.divide_background`.
    dark, saturation, dead
        As there; broken pixels are looked for by default.
    medium_index, source_diameter_um, source_distance_mm, bandwidth_nm : float
        See :class:`lensfree_nb.microscope.Setup`.

    Returns
    -------
    Dataset
        Lazy, one frame a chunk. A file that is damaged, of another size, or missing among
        the colours of a frame becomes unknown pixels (NaN) with ``quality_missing`` True and a
        warning when it is read.

    Raises
    ------
    OpeningError
        If nothing matches, no file can be read, one holds more frames than the first, or two
        are the same exposure.
    SetupError
        If the wavelength or the pixel size is neither given nor stated.
    """
    if dim not in EXPOSURE_DIMS:
        raise ParameterError(f"dim is {dim!r}; it must be 'wavelength' or 'plane'")
    given = None if wavelength_nm is None else floats(wavelength_nm, "nm", "wavelength_nm")
    distances = None if distance_um is None else floats(distance_um, "um", "distance_um")
    settings = {
        "medium_index": medium_index,
        "source_diameter_um": source_diameter_um,
        "source_distance_mm": source_distance_mm,
        "bandwidth_nm": bandwidth_nm,
    }
    settings = {name: value for name, value in settings.items() if value is not None}
    found = expand_paths(paths)
    exposures = _expected(given, distances, dim)
    if len(found) == 1 and is_zarr(found[0]):
        data, stated = open_store(found[0], dim=dim)
    elif len(found) == 1 and found[0].suffix.lower() in (".nc", ".h5"):
        data, stated = open_netcdf(found[0]), {}
    else:
        data, stated = open_files(
            found, exposures=exposures, dim=dim, time_pattern=time_pattern, wavelength_nm=given
        )
    if isinstance(data, xr.Dataset):
        stated = _stated_by(data)
        if data["hologram"].attrs.get("units") == "1" and _none_of(background, dark, saturation):
            if time is not None or not (dead is None or isinstance(dead, str)):
                raise ParameterError(
                    f"{found[0].name} holds holograms whose background is already divided out; "
                    "assign the coordinate time, and mask with hologram.where, instead of giving "
                    "time or dead"
                )
            return _restored(data, given, pixel_size_um, distances, settings)
        data = data["hologram"]
    if isinstance(background, (str, os.PathLike)) and background not in _BACKGROUNDS:
        background = _background_file(background, exposures, dim, given)
    arguments = {
        "wavelength_nm": settle("wavelength_nm", given, stated.get("wavelength_nm"), "nm"),
        "pixel_size_um": settle("pixel_size_um", pixel_size_um, stated.get("pixel_size_um"), "um"),
        "distance_um": stated.get("distance_um") if distances is None else distances,
        "time": stated.get("time") if time is None else time,
    }
    ds = acquisition(
        data,
        dim=dim,
        background=background,
        dark=dark,
        saturation=saturation,
        dead=dead,
        **{**stated, **settings, **arguments},
    )
    return ds.assign_attrs(
        provenance(ds, "open_acquisition", files=len(found), first=found[0].name)
    )


def expand_paths(paths: Any) -> list[Path]:
    """Files (or one store) that a path, glob, folder or sequence of them stands for.

    Raises
    ------
    OpeningError
        If there are none, with what was looked for.
    """
    if isinstance(paths, (str, os.PathLike)):
        return _expand(str(os.fspath(paths)))
    try:
        each = [_expand(str(os.fspath(path))) for path in paths]
    except TypeError:
        raise OpeningError(
            f"paths is a {type(paths).__name__}; give a path, a glob, a folder or a list of them "
            "(for arrays in memory use lensfree_nb.acquisition)"
        ) from None
    found = list({path.resolve(): path for part in each for path in part}.values())
    if not found:
        raise OpeningError("paths is an empty list; give at least one file")
    return found


def _expand(text: str) -> list[Path]:
    path = Path(text).expanduser()
    if path.is_dir() and not is_zarr(path):
        inside = [p for p in path.iterdir() if p.suffix.lower() in TIFF_SUFFIXES]
        if not inside:
            raise OpeningError(f"the folder {path} holds no TIFF file (.tif, .tiff)")
        return inside
    if path.exists():
        return [path]
    matches = [Path(match) for match in glob.glob(str(path), recursive=True)]
    if not matches:  # brackets may be part of a folder's name
        literal = re.sub(r"[\[\]]", lambda bracket: f"[{bracket[0]}]", str(path))
        matches = [Path(match) for match in glob.glob(literal, recursive=True)]
    if not matches:
        raise OpeningError(
            f"no file matches {text!r}; check the path (the current folder is {Path.cwd().name!r})"
        )
    return matches


def _expected(
    wavelengths: tuple[float, ...] | None, distances: tuple[float, ...] | None, dim: str
) -> int | None:
    """How many exposures a frame must have, as far as the arguments tell."""
    if dim == "plane":
        return None if distances is None else len(distances)
    return None if wavelengths is None else len(wavelengths)


def settle(name: str, given: Any, stated: Any, unit: str) -> Any:
    """What is given, else what the file states; warns where the two differ by over 0.1 %."""
    if given is None:
        return stated
    if stated is not None:
        ours, theirs = floats(given, unit, name), floats(stated, unit, name)
        same = len(ours) in (1, len(theirs)) and np.allclose(ours, theirs, rtol=1e-3)
        if not same:
            warnings.warn(
                f"{name} is given as {given}, the file says {stated}; the given value is used",
                LensfreeWarning,
                stacklevel=3,
            )
    return given


def _none_of(background: Any, dark: Any, saturation: Any) -> bool:
    return (
        (background is None or isinstance(background, str)) and dark is None and saturation is None
    )


def _stated_by(ds: xr.Dataset) -> dict[str, Any]:
    names = (
        "pixel_size_um",
        "medium_index",
        "source_diameter_um",
        "source_distance_mm",
        "bandwidth_nm",
    )
    stated = {name: ds.attrs[name] for name in names if name in ds.attrs}
    if "wavelength" in ds.coords:
        stated["wavelength_nm"] = tuple(np.atleast_1d(ds.coords["wavelength"].values).tolist())
    if "distance" in ds.coords and ds.coords["distance"].ndim <= 1:
        stated["distance_um"] = tuple(np.atleast_1d(ds.coords["distance"].values).tolist())
    return stated


def _restored(
    ds: xr.Dataset,
    wavelength: tuple[float, ...] | None,
    pixel_size_um: Any,
    distances: tuple[float, ...] | None,
    settings: dict[str, Any],
) -> xr.Dataset:
    """A stored dataset whose background is already divided out, with what is given put in."""
    stated = _stated_by(ds)
    hologram = hologram_of(ds)
    exposure = hologram.dims[-3]
    settle("wavelength_nm", wavelength, stated.get("wavelength_nm"), "nm")
    settle("pixel_size_um", pixel_size_um, stated.get("pixel_size_um"), "um")
    for name, values, unit in (("wavelength", wavelength, "nm"), ("distance", distances, "um")):
        if values is not None:
            if len(values) not in (1, ds.sizes[exposure]):
                raise SetupError(
                    f"{len(values)} values of {name} for {ds.sizes[exposure]} exposures; give one, "
                    "or one an exposure"
                )
            each = values * ds.sizes[exposure] if len(values) == 1 else values
            ds = ds.assign_coords({name: (exposure, list(each), {"units": unit})})
    if pixel_size_um is not None:
        pitch = floats(pixel_size_um, "um", "pixel_size_um")[0]
        ds = ds.assign_attrs(pixel_size_um=pitch)
        ds = ds.assign_coords(
            {d: (d, np.arange(ds.sizes[d]) * pitch, {"units": "um"}) for d in ("y", "x")}
        )
    units = {"medium_index": "dimensionless", "source_distance_mm": "mm", "bandwidth_nm": "nm"}
    for name, value in settings.items():
        ds = ds.assign_attrs({name: floats(value, units.get(name, "um"), name)[0]})
    setup_of(ds)
    if "distance" in ds.coords or "distance_um" in ds.attrs:
        distance_of(ds)
    return ds


def _background_file(
    path: str | os.PathLike[str], exposures: int | None, dim: str, wavelength_nm: Any
) -> xr.DataArray:
    """Mean of the frames in a background file (or of several)."""
    frames, _ = open_files(
        expand_paths(path), exposures=exposures, dim=dim, wavelength_nm=wavelength_nm
    )
    return frames.mean("time", skipna=True)
