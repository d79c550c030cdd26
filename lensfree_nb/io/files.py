"""Many TIFF files as one lazy array ``time, exposure, y, x``."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr

from lensfree_nb.errors import OpeningError, QualityWarning, SetupError
from lensfree_nb.io.holopy import read_description
from lensfree_nb.io.patterns import FileGroups, group_files, natural_key, time_of_name
from lensfree_nb.io.tiff import Plane, TiffLayout, read_layout, read_planes, whole_series

Array = npt.NDArray[Any]
Source = tuple[str, Plane]

LARGER: Final = 1.02
TIFF_SUFFIXES: Final = (".tif", ".tiff", ".btf", ".tf8")


@dataclass(frozen=True)
class FrameReader:
    """Reads frames by number; travels inside the graph, so it holds names and numbers only."""

    sources: tuple[tuple[Source | None, ...], ...]
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    stored: np.dtype[Any]

    def __call__(self, numbers: Array) -> Array:
        """Frames ``(n, exposure, y, x)``; NaN where a file is missing or cannot be used."""
        out = np.full((len(numbers), len(self.sources[0]), *self.shape), np.nan, self.dtype)
        for target, number in zip(out, numbers, strict=True):
            by_file: dict[str, list[tuple[int, Plane]]] = {}
            for exposure, source in enumerate(self.sources[int(number)]):
                if source is not None:
                    by_file.setdefault(source[0], []).append((exposure, source[1]))
            for path, wanted in by_file.items():
                images = read_planes(
                    Path(path), [plane for _, plane in wanted], self.shape, self.stored
                )
                for (exposure, _), image in zip(wanted, images, strict=True):
                    if image is not None:
                        target[exposure] = image
        return out


def open_files(
    files: Sequence[Path],
    *,
    exposures: int | None,
    dim: str,
    time_pattern: str | None = None,
    wavelength_nm: tuple[float, ...] | None = None,
) -> tuple[xr.DataArray, dict[str, Any]]:
    """TIFF files as a lazy array, and what names and metadata state about the setup.

    Counts become float32 (float64 from 32-bit counts): an integer cannot say "unknown".

    Parameters
    ----------
    files : sequence of Path
    exposures : int, optional
        Exposures of a frame, where known.
    dim : {"wavelength", "plane"}
    time_pattern : str, optional
        See :func:`lensfree_nb.io.patterns.time_of_name`.
    wavelength_nm : tuple of float, optional
        Those given; they tell the order of named colours.

    Returns
    -------
    array : DataArray, dims (time, exposure, y, x)
    stated : dict
        Those of ``wavelength_nm, pixel_size_um, medium_index, time`` that are stated.
    """
    odd = [path for path in files if path.suffix.lower() not in TIFF_SUFFIXES]
    if odd:
        raise OpeningError(
            f"{odd[0].name} is not understood (TIFF {', '.join(TIFF_SUFFIXES)}, "
            ".zarr, .nc); load it yourself and use lensfree_nb.acquisition"
        )
    files = sorted(whole_series(files), key=lambda path: natural_key(str(path)))
    first, layout = _first_layout(files, exposures, dim)
    # Pages as many as a frame has exposures are one frame, whatever the names count.
    frame_a_file = exposures is not None and layout.page_counts == (1, exposures)
    groups = group_files(files, exposures=None if frame_a_file else exposures, dim=dim)
    columns = len(groups.labels)
    if columns > 1:
        groups = _ordered(groups, exposures, wavelength_nm, dim)
        first, layout = _first_layout(files, None, dim)
    _refuse_longer_files(files, first, layout, exposures if columns == 1 else None, dim)
    if columns > 1 and len(layout.planes[0]) > 1:
        raise OpeningError(
            f"the names tell exposures apart ({', '.join(groups.labels)}), but {first.name} holds "
            f"{len(layout.planes[0])} itself; open one kind at a time"
        )
    sources = _sources(groups, layout)
    stated = _stated(groups, layout)
    times = _times(groups, layout, time_pattern)
    if times is not None:
        stated["time"] = times
    return _lazy(sources, layout, dim), stated


def _first_layout(
    files: Sequence[Path], exposures: int | None, dim: str
) -> tuple[Path, TiffLayout]:
    """The first file that can be read, and its layout: it stands for all."""
    problem = OpeningError("no file is given")
    for number, path in enumerate(files):
        try:
            return path, read_layout(path, exposures=exposures, dim=dim)
        except OpeningError as error:
            problem = error if number == 0 else problem
    raise problem


def _refuse_longer_files(
    files: Sequence[Path], first: Path, layout: TiffLayout, exposures: int | None, dim: str
) -> None:
    """Frames beyond those of the first file would be lost; only larger files are opened."""
    usual = first.stat().st_size
    for path in files:
        if path.stat().st_size < LARGER * usual:
            continue
        try:
            counts = read_layout(path, exposures=exposures, dim=dim).page_counts
        except OpeningError:
            continue
        if counts[0] > layout.page_counts[0]:
            raise OpeningError(
                f"{path.name} holds {counts[0]} frames, {first.name} {layout.page_counts[0]}; open "
                "them apart and join them: xarray.concat([...], 'time')"
            )


def _ordered(
    groups: FileGroups, exposures: int | None, wavelength_nm: tuple[float, ...] | None, dim: str
) -> FileGroups:
    """Columns in the order of the wavelengths given; named colours go from red to blue."""
    labels = groups.labels
    if exposures not in (None, 1, len(labels)):
        raise SetupError(
            f"{'wavelength_nm' if dim == 'wavelength' else 'distance_um'} has {exposures} values, "
            f"the names tell {len(labels)} exposures apart ({', '.join(labels)}); give one for each"
        )
    if wavelength_nm is None or len(wavelength_nm) != len(labels) or dim != "wavelength":
        return groups
    by_name = groups.wavelength_nm()
    if by_name is None and not set(labels) <= {"red", "green", "blue", "r", "g", "b"}:
        return groups
    longest_first = sorted(range(len(labels)), key=lambda i: -wavelength_nm[i])
    column_of = {position: column for column, position in enumerate(longest_first)}
    order = [column_of[position] for position in range(len(labels))]
    return FileGroups(
        [[row[c] for c in order] for row in groups.frames], [labels[c] for c in order]
    )


def _sources(groups: FileGroups, layout: TiffLayout) -> tuple[tuple[Source | None, ...], ...]:
    rows: list[tuple[Source | None, ...]] = []
    for paths in groups.frames:
        for planes in layout.planes:
            if len(paths) == 1:
                rows.append(tuple((str(paths[0]), plane) for plane in planes))
            else:
                rows.append(tuple(None if p is None else (str(p), planes[0]) for p in paths))
    return tuple(rows)


def _stated(groups: FileGroups, layout: TiffLayout) -> dict[str, Any]:
    stated: dict[str, Any] = read_description(layout.description)
    if layout.pixel_size_um is not None:
        stated["pixel_size_um"] = layout.pixel_size_um
    wavelengths = groups.wavelength_nm() if len(groups.labels) > 1 else layout.wavelength_nm
    if wavelengths is not None:
        stated["wavelength_nm"] = wavelengths
    return stated


def _times(groups: FileGroups, layout: TiffLayout, pattern: str | None) -> Array | None:
    """When each frame was taken: by the name, the metadata, or the file's date."""
    frames_a_file = len(layout.planes)
    if frames_a_file > 1 and layout.offsets_s is None:
        return None
    starts, by_date = [], False
    for paths in groups.frames:
        path = next(path for path in paths if path is not None)
        moment = time_of_name(path.name, pattern)
        if moment is None and pattern is not None:
            raise OpeningError(
                f"time_pattern {pattern!r} is not found in {path.name}; correct it, or leave it out"
            )
        if moment is None and layout.start is not None:
            moment = _start_of(path)
        if moment is None:
            moment, by_date = np.datetime64(path.stat().st_mtime_ns, "ns"), True
        starts.append(moment)
    offsets = np.asarray(layout.offsets_s if frames_a_file > 1 else [0.0])
    steps = (offsets * 1e9).round().astype("timedelta64[ns]")
    times: Array = (np.asarray(starts)[:, None] + steps).ravel()
    if by_date and (np.diff(times) < np.timedelta64(0)).any():
        warnings.warn(
            "the files' dates do not rise as their names do, so the frames get no times; give "
            "time= or time_pattern=",
            QualityWarning,
            stacklevel=2,
        )
        return None
    return times


def _start_of(path: Path) -> np.datetime64 | None:
    try:
        return read_layout(path, exposures=None, dim="wavelength").start
    except OpeningError:  # a damaged file among good ones: told when its pixels are read
        return None


def _lazy(
    sources: tuple[tuple[Source | None, ...], ...], layout: TiffLayout, dim: str
) -> xr.DataArray:
    import dask.array as da
    from dask.base import tokenize

    stored = layout.dtype
    wide = stored.kind in "iuf" and stored.itemsize > (4 if stored.kind == "f" else 2)
    dtype = np.dtype(np.float64 if wide else np.float32)
    reader = FrameReader(sources, layout.shape, dtype, stored)
    files = sorted({source[0] for row in sources for source in row if source}, key=natural_key)
    states = [(path, os.stat(path).st_mtime_ns, os.stat(path).st_size) for path in files]
    numbers = da.arange(len(sources), chunks=1)
    array = da.map_blocks(
        reader,
        numbers,
        chunks=((1,) * len(sources), (len(sources[0]),), (layout.shape[0],), (layout.shape[1],)),
        new_axis=[1, 2, 3],
        dtype=dtype,
        meta=np.empty((0, 0, 0, 0), dtype),
        name=f"open-{tokenize(states, layout.shape, len(sources), sources[0], sources[-1])}",
    )
    attrs: dict[str, Any] = {"units": "counts"}
    if stored in (np.uint8, np.uint16):
        attrs["full_scale"] = float(np.iinfo(stored).max)
    return xr.DataArray(array, dims=("time", dim, "y", "x"), attrs=attrs)
