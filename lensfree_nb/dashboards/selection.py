"""Which cells are shown, and which count in a distribution."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from lensfree_nb.contract import frame_origin_um, pixel_size_of
from lensfree_nb.errors import ParameterError


def checked_frame_number(ds: xr.Dataset, time: int) -> int:
    """The number of a frame, or an error that tells how many there are."""
    count = ds.sizes.get("time", 1)
    if not (isinstance(time, (int, np.integer)) and 0 <= time < count):
        raise ParameterError(f"time is {time!r}; give the number of a frame, 0 to {count - 1}")
    return int(time)


def moment_of(ds: xr.Dataset, time: int) -> np.datetime64 | None:
    """When a frame was taken, or None where that is not known."""
    if "time" not in ds.coords or not np.issubdtype(ds["time"].dtype, np.datetime64):
        return None
    moment: np.datetime64 = np.atleast_1d(ds["time"].values)[time]
    return moment


def cells_of_frame(ds: xr.Dataset, cells: pd.DataFrame, time: int) -> pd.DataFrame:
    """Rows of a table that lie within one frame of a dataset, which may have been cut out of more.

    Frames go by their time where both tell it, else by their number.
    """
    moment = moment_of(ds, time)
    if moment is not None and "time" in cells and cells["time"].notna().all():
        cells = cells[cells["time"] == moment]
    elif "frame" in cells:
        cells = cells[cells["frame"] == time]
    pitch = pixel_size_of(ds)
    for dim, start in zip(("y", "x"), frame_origin_um(ds), strict=True):
        stop = start + (ds.sizes[dim] - 0.5) * pitch
        cells = cells[cells[f"{dim}_um"].between(start - 0.5 * pitch, stop)]
    return cells


def is_whole(cells: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether each cell is whole and trusted: neither cut by the border nor of a doubtful frame."""
    whole: NDArray[Any] = np.ones(len(cells), bool)
    if "edge" in cells:
        whole &= ~cells["edge"].to_numpy().astype(bool)
    if "trusted" in cells:
        whole &= cells["trusted"].to_numpy().astype(bool)
    return whole
