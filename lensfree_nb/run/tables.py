"""One table a frame, carried over the frames of a dataset; and the rows of one of them."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from lensfree_nb.contract import frame_origin_um, pixel_size_of
from lensfree_nb.errors import DimensionError
from lensfree_nb.run.frames import one_block

if TYPE_CHECKING:
    import dask.dataframe as dd


class TableKernel(Protocol):
    """The arrays of one frame, its number and time, to a table."""

    def __call__(
        self, frame: dict[str, NDArray[Any]], *, index: int, time: np.datetime64
    ) -> pd.DataFrame:
        """One frame."""
        ...


def in_memory(table: pd.DataFrame | dd.DataFrame) -> pd.DataFrame:
    """A table as pandas: a dask one is computed."""
    if isinstance(table, pd.DataFrame):
        return table
    computed: pd.DataFrame = table.compute()
    return computed


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


def map_tables(
    kernel: TableKernel, frames: xr.Dataset, *, meta: pd.DataFrame
) -> pd.DataFrame | dd.DataFrame:
    """Carry `kernel` over frames; numpy gives a table, dask one partition a frame.

    Parameters
    ----------
    kernel : TableKernel
        A frozen dataclass with ``__call__``.
    frames : Dataset
        Variables as ``[time,] [y, x]``; whatever their chunks, a kernel sees whole frames, so
        the table is always the same.
    meta : DataFrame
        A table with no rows to be kept, for its columns and dtypes.

    Raises
    ------
    DimensionError
        If ``time`` holds no dates.
    """
    timed = "time" in frames.dims
    lazy = any(variable.chunks is not None for variable in frames.variables.values())
    count = frames.sizes["time"] if timed else 1
    times = _times(frames, count)
    parts = []
    for index in range(count):
        frame = frames.isel(time=index) if timed else frames
        arrays = {name: frame[name].data for name in frame.data_vars}
        if not lazy:
            parts.append(kernel(_numpy(arrays), index=index, time=times[index]))
            continue
        from dask import delayed

        wanted = {
            str(name): one_block(data) if hasattr(data, "dask") else data
            for name, data in arrays.items()
        }
        parts.append(delayed(kernel, pure=True)(wanted, index=index, time=times[index]))
    if not lazy:
        return pd.concat(parts, ignore_index=True)
    import dask.dataframe

    return dask.dataframe.from_delayed(parts, meta=meta.iloc[:0], verify_meta=False)


def _numpy(arrays: dict[Hashable, Any]) -> dict[str, NDArray[Any]]:
    return {str(name): np.asarray(data) for name, data in arrays.items()}


def _times(frames: xr.Dataset, count: int) -> NDArray[np.datetime64]:
    if "time" not in frames.coords:
        return np.full(count, np.datetime64("NaT", "ns"))
    times = np.atleast_1d(frames.coords["time"].values)
    if not np.issubdtype(times.dtype, np.datetime64):
        raise DimensionError(
            f"time holds {times.dtype}, which are no dates; give datetime64, or drop the coordinate"
        )
    return times.astype("datetime64[ns]")
