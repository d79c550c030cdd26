"""Tables of cells that other programs wrote: TrackMate, Fiji, CellProfiler, and our own."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lensfree_nb.checks import check_number
from lensfree_nb.errors import OpeningError, QualityWarning, SetupError
from lensfree_nb.quantify.equations import ALPHA_UM3_PER_PG, dry_mass_pg, optical_volume_um3
from lensfree_nb.units import length_factor

TRACKMATE, CELLPROFILER, FIJI, OWN = "trackmate", "cellprofiler", "fiji", "own"
# What a program calls its columns; a pattern where an image's name is part of it.
COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    OWN: {"y_um": "y_um", "x_um": "x_um"},
    TRACKMATE: {
        "y": "POSITION_Y", "x": "POSITION_X", "frame": "FRAME", "area": "AREA",
        "highest": "MAX_INTENSITY_CH1", "sum": "TOTAL_INTENSITY_CH1",
    },
    CELLPROFILER: {
        "y": "Location_Center_Y", "x": "Location_Center_X", "frame": "ImageNumber",
        "area": "AreaShape_Area", "axis": "AreaShape_MajorAxisLength",
        "highest": "Intensity_MaxIntensity_(.+)", "sum": "Intensity_IntegratedIntensity_(.+)",
    },
    FIJI: {
        "y": "Y", "x": "X", "frame": "Slice|Frame", "area": "Area", "axis": "Major",
        "highest": "Max", "sum": "RawIntDen",
    },
}  # fmt: skip
UNIT_ROWS: Final = 3


def read_cells(
    path: str | os.PathLike[str],
    *,
    pixel_size_um: float | None = None,
    unit: str | None = None,
    intensity_nm: float | None = None,
    alpha_um3_per_pg: float = ALPHA_UM3_PER_PG,
    image: str | None = None,
) -> pd.DataFrame:
    """Read a table of cells, whoever wrote it, to hold others against.

    Parameters
    ----------
    path : path
        CSV of TrackMate (spots, or all spots), of Fiji's *Results* or of CellProfiler (objects),
        told apart by their columns; CSV or Parquet of :func:`lensfree_nb.write_cells`.
    pixel_size_um : float, optional
        Pixel pitch (µm); needed where a program counts pixels, and of Fiji, which counts from the
        corner of the first one.
    unit : str, optional
        Unit of lengths: ``"px"``, ``"um"``, ... TrackMate says it itself; CellProfiler counts
        pixels; Fiji does not say, so it must be told.
    intensity_nm : float, optional
        OPD (nm) of one unit of the image's intensity that the program saw: 1 where it was given
        OPD in nm. Without it thickness and dry mass are left out: most programs rescale images.
        Dry mass needs `pixel_size_um`, too.
    alpha_um3_per_pg : float
        Specific refractive increment (µm³/pg) that the dry mass is given by.
    image : str, optional
        Which image's intensities are the OPD, where CellProfiler measured those of several.

    Returns
    -------
    DataFrame
        One row a cell: ``y_um, x_um`` (0, 0 is the centre of the first pixel) and, where the file
        tells them, ``frame``, ``area_um2``, ``major_axis_um``, ``max_opd_nm``, ``dry_mass_pg``.
        Of Fiji's ``Slice`` and ``Frame`` the frame is the one that varies. Where columns are not
        parted by commas, numbers may have decimal ones.

    Raises
    ------
    OpeningError
        If the file cannot be read, its columns are those of no program known here, or they may be
        read in two ways.
    SetupError
        If a unit or the pixel size is needed and missing, or said of a table of our own.

    Warns
    -----
    QualityWarning
        If rows have no place or no frame: they are left out.
    """
    source = Path(path)
    check_number("alpha_um3_per_pg", alpha_um3_per_pg, open_low=True)
    if pixel_size_um is not None:
        check_number("pixel_size_um", pixel_size_um, open_low=True)
    try:
        table, decimal = _read(source)
    except (OSError, ValueError, ImportError) as error:
        raise OpeningError(f"{source} cannot be read as a table ({error})") from error
    kind, found = _recognised(table, source, image)
    if kind == OWN:
        told = {"pixel_size_um": pixel_size_um, "unit": unit, "intensity_nm": intensity_nm,
                "image": image}  # fmt: skip
        if needless := [name for name, value in told.items() if value is not None]:
            raise SetupError(
                f"{source} is a table of our own, in um, nm and pg: leave {', '.join(needless)} out"
            )
        return _with_moments(_without_words(table, decimal), source)
    if image is not None and (kind != CELLPROFILER or not {"highest", "sum"} & found.keys()):
        seen = [column for column in map(str, table) if column.startswith("Intensity_")]
        raise OpeningError(
            f"{source} tells no intensities of an image {image!r}, but {', '.join(seen) or 'none'}"
        )
    if kind == TRACKMATE:
        unit = unit or _unit_of_trackmate(table, found["x"])
        table = table.iloc[UNIT_ROWS:] if len(table) and _is_words(table, found["x"]) else table
    step = _step_um(kind, unit, pixel_size_um, source)
    values = {name: _numbers(table[column], decimal) for name, column in found.items()}
    return _measured(kind, values, step, pixel_size_um, intensity_nm, alpha_um3_per_pg, source)


def _read(source: Path) -> tuple[pd.DataFrame, str]:
    """A table, whatever its columns are parted by, and what may part the decimals.

    Fiji also writes tabs, a locale semicolons: only then a comma may stand in a number.
    """
    if source.suffix == ".parquet":
        return pd.read_parquet(source), "."
    said: dict[str, Any] = {"encoding": _encoding(source), "encoding_errors": "replace"}
    table, decimal = pd.read_csv(source, low_memory=False, **said), "."
    if len(table.columns) == 1:
        table, decimal = pd.read_csv(source, sep=None, engine="python", **said), ","
    return table.rename(columns=lambda name: str(name).strip()), decimal


def _encoding(source: Path) -> str:
    """Spreadsheets begin a file by a mark of its encoding, which is no part of a column's name."""
    with source.open("rb") as file:
        return "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def _numbers(column: pd.Series[Any], decimal: str) -> NDArray[np.float64]:
    """NaN where there is none."""
    words = (
        column.astype(str).str.replace(decimal, ".") if column.dtype.kind not in "uif" else column
    )
    return pd.to_numeric(words, errors="coerce").to_numpy(float)


def _without_words(table: pd.DataFrame, decimal: str) -> pd.DataFrame:
    """Columns of numbers whose decimals a comma parts, as numbers."""
    if decimal == ".":
        return table
    words = table.select_dtypes(exclude=["number", "bool"])
    read = {str(name): _numbers(words[name], decimal) for name in words}
    lost = {name: np.isnan(values) & words[name].notna() for name, values in read.items()}
    return table.assign(**{name: read[name] for name in read if not lost[name].any()})


def _with_moments(table: pd.DataFrame, source: Path) -> pd.DataFrame:
    """Our own table, its times no longer words, as a CSV has them."""
    if "time" not in table:
        return table
    try:
        return table.assign(time=pd.to_datetime(table["time"]))
    except (TypeError, ValueError) as error:
        raise OpeningError(f"{source} holds times that are no moments ({error})") from error


def _measured(
    kind: str,
    values: Mapping[str, NDArray[np.float64]],
    step_um: float,
    pixel_size_um: float | None,
    intensity_nm: float | None,
    alpha_um3_per_pg: float,
    source: Path,
) -> pd.DataFrame:
    corner = _corner_um(kind, pixel_size_um, source)
    made: dict[str, Any] = {
        "y_um": values["y"] * step_um - corner,
        "x_um": values["x"] * step_um - corner,
    }
    if "frame" in values:
        first = 0 if kind == TRACKMATE else 1
        whole_number = values["frame"] % 1 == 0
        made = {"frame": np.where(whole_number, values["frame"] - first, np.nan), **made}
    if "area" in values:
        made["area_um2"] = values["area"] * step_um**2
    if "axis" in values:
        made["major_axis_um"] = values["axis"] * step_um
    if intensity_nm is not None:
        check_number("intensity_nm", intensity_nm, open_low=True)
        if "highest" in values:
            made["max_opd_nm"] = values["highest"] * intensity_nm
        if "sum" in values:
            if pixel_size_um is None:
                raise SetupError(f"{source} sums over pixels; give pixel_size_um for the dry mass")
            volume = optical_volume_um3(values["sum"] * intensity_nm, pixel_size_um)
            made["dry_mass_pg"] = dry_mass_pg(volume, alpha_um3_per_pg)
    table = pd.DataFrame(made).replace([np.inf, -np.inf], np.nan)
    placed = table.dropna(subset=[name for name in ("frame", "y_um", "x_um") if name in table])
    if lost := len(table) - len(placed):
        warnings.warn(
            f"{source}: {lost} of {len(table)} rows have no number for a place, or no whole one "
            "for a frame, and are left out",
            QualityWarning,
            stacklevel=3,
        )
    whole = {"frame": np.int64} if "frame" in placed else {}
    return placed.reset_index(drop=True).astype(whole)


def _corner_um(kind: str, pixel_size_um: float | None, source: Path) -> float:
    """Where the first pixel's centre lies: Fiji counts from its corner, the others from itself."""
    if kind != FIJI:
        return 0.0
    if pixel_size_um is None:
        raise SetupError(
            f"{source} counts from the corner of the first pixel, as Fiji does; give pixel_size_um"
        )
    return 0.5 * pixel_size_um


def _recognised(table: pd.DataFrame, source: Path, image: str | None) -> tuple[str, dict[str, str]]:
    """Which program wrote it, and which of its columns are which."""
    for kind, columns in COLUMNS.items():
        found = {}
        for name, pattern in columns.items():
            fits = [c for c in map(str, table.columns) if _fits(pattern, c, image)]
            if len(fits) > 1 and name == "frame":
                fits = [c for c in fits if table[c].nunique() > 1] or fits[-1:]
            if len(fits) > 1:
                raise OpeningError(
                    f"{source} tells {name} by {' and by '.join(fits)}: keep one of them, or name "
                    "the image whose intensities are the OPD (image=...)"
                )
            if fits:
                found[name] = fits[0]
        if {"y_um", "x_um"} <= found.keys() or {"y", "x"} <= found.keys():
            return kind, found
    raise OpeningError(
        f"{source} has columns {', '.join(map(str, table.columns[:8]))}...: none of TrackMate's "
        "(POSITION_X), CellProfiler's (Location_Center_X), Fiji's (X, Y) or our own (x_um, y_um)"
    )


def _fits(pattern: str, column: str, image: str | None) -> bool:
    """Whether a column is meant; where an image is part of its name, whether it is this one."""
    found = re.fullmatch(pattern, column)
    return found is not None and (image is None or image in (found.groups() or (image,)))


def _is_words(table: pd.DataFrame, column: str) -> bool:
    return bool(pd.isna(pd.to_numeric(table[column].iloc[:1], errors="coerce")).all())


def _unit_of_trackmate(table: pd.DataFrame, column: str) -> str | None:
    """The unit in TrackMate's fourth line, as "(micron)"; None where it was left out."""
    if len(table) < UNIT_ROWS or not _is_words(table, column):
        return None
    said = table[column].iloc[UNIT_ROWS - 1]
    if pd.isna(said):
        return None
    word = str(said).strip(" ()").lower()
    # Files in Latin-1, which are read as UTF-8, lose their mu.
    return "px" if word.startswith("pixel") else word.replace("\ufffdm", "um")


def _step_um(kind: str, unit: str | None, pixel_size_um: float | None, source: Path) -> float:
    """Micrometres of the file's unit of length."""
    if kind == CELLPROFILER:
        unit = unit or "px"
    if unit is None:
        raise SetupError(f"{source} does not say its unit of length; give unit='px' or unit='um'")
    if unit not in ("px", "pixel", "pixels"):
        return length_factor(unit, "um")
    if pixel_size_um is None:
        raise SetupError(f"{source} counts pixels; give pixel_size_um")
    return float(pixel_size_um)
