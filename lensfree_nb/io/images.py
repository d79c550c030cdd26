"""Opening images through an objective from files, lazily: one image a chunk."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lensfree_nb.errors import OpeningError, ParameterError, QualityWarning
from lensfree_nb.io.files import LARGER, TIFF_SUFFIXES
from lensfree_nb.io.opening import expand_paths, settle
from lensfree_nb.io.patterns import natural_key
from lensfree_nb.io.tiff import Plane, read_layout, read_planes
from lensfree_nb.provenance import provenance
from lensfree_nb.units import floats

SUFFIXES: Final = (*TIFF_SUFFIXES, ".png", ".jpg", ".jpeg", ".bmp")
ALONG: Final = ("position", "time")
RGB: Final = ("red", "green", "blue")


class Layout(NamedTuple):
    """What every file of a series holds.

    Images (channel, y, x) as they are stored, the planes of a TIFF that each is made of (none of
    other files), and the pitch that it states.
    """

    shape: tuple[int, int, int]
    stored: np.dtype[Any]
    frames: tuple[tuple[Plane, ...], ...] = ((),)
    pixel_size_um: float | None = None

    @property
    def kept(self) -> np.dtype[Any]:
        """A float that holds these numbers and NaN."""
        return np.dtype(np.float64 if self.stored.itemsize > 2 else np.float32)


def open_images(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    pixel_size_um: Any = None,
    along: str = "position",
) -> xr.Dataset:
    """Open phase contrast or other images; nothing but the first is read until it is asked for.

    Parameters
    ----------
    paths : path, glob, folder, or sequence of paths
        TIFF, PNG, JPEG or BMP, one image a file, or one TIFF with all of them; grey or RGB. In
        natural order (2 before 10). Of a folder, all such files.
    pixel_size_um : float or quantity, optional
        Pixel pitch in the sample, where a TIFF does not state it; what is given wins. Without one,
        ``y`` and ``x`` are left out.
    along : {"position", "time"}
        What differs from image to image.

    Returns
    -------
    Dataset
        ``image`` (position or time, channel, y, x), float; ``file``, where each comes from. A file
        that is damaged, or of another size, becomes unknown pixels (NaN) with a warning when it is
        read. Whoever knows the times assigns them: ``ds.assign_coords(time=...)``.

    Raises
    ------
    OpeningError
        If nothing matches, or no file can be read as an image.
    ParameterError, UnitError
        If `along` is something else, or the pixel size is no length.
    """
    import dask.array as da
    from dask import delayed

    if along not in ALONG:
        raise ParameterError(f"along is {along!r}; use {' or '.join(ALONG)}")
    files = _files(paths)
    first, layout = _first(files)
    many = len(layout.frames)
    if many > 1 and len(files) > 1:
        raise OpeningError(
            f"{first.name} holds {many} images itself; open one such file at a time, or one image "
            "a file"
        )
    _refuse_stacks(files, first)
    sources = [(path, planes) for path in files for planes in layout.frames]
    read = delayed(read_image, pure=True)
    empty = np.empty((0, 0, 0), layout.kept)
    lazy = da.stack(
        [
            da.from_delayed(read(str(path), planes, layout), shape=layout.shape, meta=empty)
            for path, planes in sources
        ]
    )
    names = [
        f"{path.stem}[{n % many}]" if many > 1 else path.stem for n, (path, _) in enumerate(sources)
    ]
    attrs = {"units": "counts" if layout.stored.kind in "ui" else "1", "long_name": "image"}
    ds = xr.Dataset(
        {"image": ((along, "channel", "y", "x"), lazy, attrs)},
        {
            "file": (along, [path.name for path, _ in sources]),
            "channel": _channels(layout.shape[0]),
        },
    )
    if along == "position":
        ds = ds.assign_coords(position=_unique(names, [path.name for path, _ in sources]))
    stated = settle("pixel_size_um", pixel_size_um, layout.pixel_size_um, "um")
    if stated is not None:
        pitch = _pitch(stated)
        ds = ds.assign_attrs(pixel_size_um=pitch).assign_coords(
            {d: (d, np.arange(ds.sizes[d]) * pitch, {"units": "um"}) for d in ("y", "x")}
        )
    return ds.assign_attrs(provenance(ds, "open_images", files=len(files), first=first.name))


def read_image(path: str, planes: Sequence[Plane], layout: Layout) -> NDArray[Any]:
    """One image (channel, y, x) of a file; unknown pixels where it cannot be used."""
    found = np.full(layout.shape, np.nan, layout.kept)
    if planes and Path(path).suffix.lower() in TIFF_SUFFIXES:
        read = read_planes(Path(path), list(planes), layout.shape[1:], layout.stored)
        for channel, plane in zip(found, read, strict=True):
            if plane is not None:
                channel[:] = plane
        return found
    try:
        image = _picture(Path(path))
        if (image.shape, image.dtype) == (layout.shape, layout.stored):
            return image.astype(layout.kept)
        problem = f"it is {image.shape} of {image.dtype}, not {layout.shape} of {layout.stored}"
    except Exception as error:  # readers raise many kinds on damaged files
        problem = f"{type(error).__name__}: {error}"
    warnings.warn(
        f"{Path(path).name} cannot be used ({problem}); it is kept as unknown pixels",
        QualityWarning,
        stacklevel=2,
    )
    return found


def _files(paths: Any) -> list[Path]:
    """In natural order; of a folder, the images in it."""
    if isinstance(paths, (str, os.PathLike)) and Path(paths).expanduser().is_dir():
        folder = Path(paths).expanduser()
        found = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES]
        if not found:
            raise OpeningError(f"the folder {folder} holds no image ({', '.join(SUFFIXES)})")
    else:
        found = expand_paths(paths)
    if odd := [path for path in found if path.suffix.lower() not in SUFFIXES]:
        raise OpeningError(f"{odd[0].name} is not understood; use {', '.join(SUFFIXES)}")
    return sorted(found, key=lambda path: natural_key(str(path)))


def _first(files: Sequence[Path]) -> tuple[Path, Layout]:
    """The first file that can be read: it stands for all."""
    problem = ""
    for path in files:
        try:
            if path.suffix.lower() in TIFF_SUFFIXES:
                tiff = read_layout(path, exposures=None, dim="wavelength")
                shape = (len(tiff.planes[0]), *tiff.shape)
                return path, Layout(shape, tiff.dtype, tiff.planes, tiff.pixel_size_um)
            image = _picture(path)
        except Exception as error:  # as above
            problem = problem or f"{path.name}: {type(error).__name__}: {error}"
            continue
        channels, height, width = image.shape
        return path, Layout((channels, height, width), image.dtype)
    raise OpeningError(f"no file can be read as an image ({problem})")


def _refuse_stacks(files: Sequence[Path], first: Path) -> None:
    """Images beyond the first of a file would be lost; only larger TIFFs are looked into."""
    usual = first.stat().st_size
    for path in files:
        if path.suffix.lower() not in TIFF_SUFFIXES or path.stat().st_size < LARGER * usual:
            continue
        try:
            held = len(read_layout(path, exposures=None, dim="wavelength").planes)
        except OpeningError:
            continue
        if held > 1 and path != first:
            raise OpeningError(f"{path.name} holds {held} images itself; open it alone")


def _unique(names: list[str], files: list[str]) -> list[str]:
    """Each a name of its own: with its ending, or its number, where it has none."""
    for each in (names, files):
        if len(set(each)) == len(each):
            return each
    return [f"{name} ({number})" for number, name in enumerate(names)]


def _picture(path: Path) -> NDArray[Any]:
    """The image (channel, y, x) of a file that is no TIFF; transparency is no light."""
    from skimage.io import imread

    # Of its bytes: of a path, a file that is no picture would stay open.
    read = np.asarray(imread(BytesIO(path.read_bytes())))
    if read.dtype.kind not in "uif" or read.ndim not in (2, 3):
        raise OpeningError(f"it holds {read.dtype} of {read.shape}; export it as one image")
    colours = 1 if read.ndim == 2 or read.shape[-1] == 2 else len(RGB)
    channelled = np.atleast_3d(read)[..., :colours]
    return np.moveaxis(channelled, -1, 0)


def _channels(count: int) -> list[str]:
    named = {1: ["grey"], len(RGB): list(RGB)}
    return named.get(count, [f"channel {number}" for number in range(count)])


def _pitch(pixel_size_um: Any) -> float:
    found = floats(pixel_size_um, "um", "pixel_size_um")
    if len(found) != 1 or not 0 < found[0] < np.inf:
        raise ParameterError(f"pixel_size_um is {pixel_size_um!r}; give one length above 0")
    return float(found[0])
