"""TIFF files: what is where in them, what their metadata say, and reading one frame."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lensfree_nb.errors import LensfreeError, OpeningError, QualityWarning
from lensfree_nb.io.ome import in_um, read_ome

Array = npt.NDArray[Any]

_UNKNOWN_AXES: Final = "IQ"


@dataclass(frozen=True)
class Plane:
    """Where one exposure lies in a file: page number, and sample of an RGB page (or None)."""

    page: int
    sample: int | None = None


@dataclass(frozen=True)
class TiffLayout:
    """What a TIFF file holds.

    Attributes
    ----------
    planes : tuple of tuple of Plane
        Frames by exposures.
    shape : (int, int)
        Rows and columns of a frame.
    dtype : dtype
        As stored.
    pixel_size_um : float or None
    wavelength_nm : tuple of float or None
    start : datetime64 or None
        When the file says that it was acquired.
    offsets_s : tuple of float or None
        Seconds from the start to each frame.
    description : str
        Free text of the first page (HoloPy writes its attributes there).
    """

    planes: tuple[tuple[Plane, ...], ...]
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    pixel_size_um: float | None = None
    wavelength_nm: tuple[float, ...] | None = None
    start: np.datetime64 | None = None
    offsets_s: tuple[float, ...] | None = None
    description: str = ""

    @property
    def page_counts(self) -> tuple[int, int]:
        """Frames of the file, and exposures of a frame."""
        return len(self.planes), len(self.planes[0])


def read_layout(path: Path, *, exposures: int | None, dim: str) -> TiffLayout:
    """Layout and metadata of a TIFF file (its pixels are not read).

    Parameters
    ----------
    exposures : int, optional
        How many exposures a frame has; decides what pages without a stated meaning are.
    dim : {"wavelength", "plane"}
        Whether a Z axis is the exposures (heights) or, for colours, more frames.

    Raises
    ------
    OpeningError
        If it is no TIFF, is cut off, or its pages do not fit.
    """
    import tifffile

    try:
        with tifffile.TiffFile(path) as tif:
            axes, sizes = _axes(tif, path.name)
            planes, shape = _planes(axes, sizes, exposures, dim, path.name)
            facts = _metadata(tif, len(planes))
            return TiffLayout(planes, shape, np.dtype(tif.series[0].dtype), **facts)
    except LensfreeError:
        raise
    except Exception as error:  # tifffile raises many kinds on damaged files
        raise OpeningError(
            f"{path} cannot be read as TIFF ({type(error).__name__}: {error}); check that the "
            "file is complete and what its name says"
        ) from error


def _axes(tif: Any, name: str) -> tuple[str, tuple[int, ...]]:
    """Axes and sizes of all images of a file; written one by one they are as many series."""
    first = tif.series[0]
    kind = str(getattr(tif.pages[0].photometric, "name", ""))
    if kind in ("MINISWHITE", "PALETTE"):
        raise OpeningError(
            f"{name} stores {kind.lower()} pixels, which are no intensities; export it as plain "
            "grey values (black is zero)"
        )
    if len(tif.series) == 1:
        return str(first.axes), tuple(first.shape)
    alike = {(series.axes, series.shape, series.dtype) for series in tif.series}
    if len(alike) > 1 or first.axes not in ("YX", "YXS"):
        raise OpeningError(
            f"{name} holds {len(tif.series)} series of images ({first.axes}); export it as one "
            "stack"
        )
    return f"I{first.axes}", (len(tif.series), *first.shape)


def _pages(tif: Any) -> Any:
    """Every page of a file's series, one after the other."""
    if len(tif.series) == 1:
        return tif.series[0].pages
    return [page for series in tif.series for page in series.pages]


def _planes(
    axes: str, sizes: tuple[int, ...], exposures: int | None, dim: str, name: str
) -> tuple[tuple[tuple[Plane, ...], ...], tuple[int, int]]:
    """Frames by exposures, from the axes that tifffile names."""
    size = dict(zip(axes, sizes, strict=True))
    if "Y" not in size or "X" not in size:
        raise OpeningError(f"{name} has axes {axes!r}; no image (Y, X) is in it")
    samples = size.pop("S", 1)
    if samples == 4:
        samples = 3  # transparency is not light
    lead = [axis for axis in axes if axis not in "YXS"]
    exposure_axes = [axis for axis in lead if axis == ("C" if dim == "wavelength" else "Z")]
    counts = [size[axis] for axis in lead]
    pages = np.arange(int(np.prod(counts, dtype=int))).reshape(counts)
    order = [lead.index(a) for a in lead if a not in exposure_axes]
    order += [lead.index(axis) for axis in exposure_axes]
    table = pages.transpose(order).reshape(-1, size[exposure_axes[0]] if exposure_axes else 1)
    unstated = not exposure_axes and samples == 1 and len(lead) == 1 and lead[0] in _UNKNOWN_AXES
    if unstated and exposures is not None and table.size % exposures == 0:
        table = table.reshape(-1, exposures)  # pages without a meaning: exposures run fastest
    if samples > 1:
        if table.shape[1] > 1:
            raise OpeningError(
                f"{name} has both channels and RGB samples ({axes}); export one kind"
            )
        rows = [tuple(Plane(int(row[0]), s) for s in range(samples)) for row in table]
    else:
        rows = [tuple(Plane(int(page)) for page in row) for row in table]
    return tuple(rows), (size["Y"], size["X"])


def _metadata(tif: Any, frames: int) -> dict[str, Any]:
    description = str(tif.pages[0].description or "")
    if tif.ome_metadata:
        return {**read_ome(tif.ome_metadata, frames), "description": ""}
    facts: dict[str, Any] = {"description": description, "start": _date_tag(tif)}
    if tif.imagej_metadata:
        unit = str(tif.imagej_metadata.get("unit", "")).replace("\\u00B5", "u")
        resolution = tif.pages[0].tags.get("XResolution")
        if unit and resolution is not None and resolution.value[0]:
            per_unit = resolution.value[0] / resolution.value[1]
            facts["pixel_size_um"] = in_um(1 / per_unit, unit)
        interval = tif.imagej_metadata.get("finterval")
        if interval:
            facts["offsets_s"] = tuple(float(interval) * i for i in range(frames))
    return facts


def _date_tag(tif: Any) -> np.datetime64 | None:
    from lensfree_nb.io.patterns import time_of_name

    tag = tif.pages[0].tags.get("DateTime")
    return None if tag is None else time_of_name(str(tag.value).replace(":", "-"))


def whole_series(files: Sequence[Path]) -> list[Path]:
    """Those of several files that together hold every frame once.

    Each file of an OME-TIFF series that spans several files describes, and opens, all of them.
    """
    kept: list[Path] = []
    covered: set[Path] = set()
    for path in files:
        if path.resolve() in covered:
            continue
        parts = _parts_of(path)
        if not kept and len(parts) <= 1:
            return list(files)  # the first is on its own, so they all are: open no more of them
        kept.append(path)
        covered |= parts
    return kept


def _parts_of(path: Path) -> set[Path]:
    import tifffile

    if not path.name.lower().endswith((".ome.tif", ".ome.tiff")):
        return set()
    try:
        with tifffile.TiffFile(path) as tif:
            pages = tif.series[0].pages
            return {Path(p.parent.filehandle.path).resolve() for p in pages if p is not None}
    except Exception:  # damaged: told where its layout or its pixels are read
        return set()


def _pixels(page: Any) -> Array:
    """Pixels of a page, whose file may be another of the series, not open."""
    handle = page.parent.filehandle
    if not handle.closed:
        return np.asarray(page.asarray())
    handle.open()
    try:
        return np.asarray(page.asarray())
    finally:
        handle.close()


def read_planes(
    path: Path, planes: list[Plane], shape: tuple[int, int], stored: np.dtype[Any]
) -> list[Array | None]:
    """Some planes of a file, None for each that cannot be used.

    A file that is cut off, no TIFF, of another size or of another kind of number (`stored`) is not
    an error here: one bad frame in a day must not stop the day. It warns, and the frame stays
    unknown.
    """
    import tifffile

    images: list[Array | None] = []
    problem = ""
    try:
        with tifffile.TiffFile(path) as tif:
            pages = _pages(tif)
            for plane in planes:
                page = pages[plane.page]
                if page is None:
                    problem = "the file of its series that holds this frame is missing"
                    images.append(None)
                    continue
                image = _pixels(page)
                if plane.sample is not None:
                    image = (
                        image[..., plane.sample] if image.shape[-1] <= 4 else image[plane.sample]
                    )
                if image.shape != shape:
                    problem = f"its frames are {image.shape}, not {shape}"
                    images.append(None)
                elif (image.dtype.kind, image.dtype.itemsize) != (stored.kind, stored.itemsize):
                    problem = f"its pixels are {image.dtype}, not {stored}"
                    images.append(None)
                else:
                    images.append(image)
    except Exception as error:  # tifffile raises many kinds on damaged files
        problem = f"{type(error).__name__}: {error}"
    if problem:
        warnings.warn(
            f"{path.name} cannot be used ({problem}); the frame is kept as unknown pixels, "
            "quality_missing tells",
            QualityWarning,
            stacklevel=2,
        )
    return images + [None] * (len(planes) - len(images))
