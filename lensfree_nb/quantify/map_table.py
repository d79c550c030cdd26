"""From maps of measurements to a table: the kernel of ``cells`` after ``quantify``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from lensfree_nb.contract import CHANGE_UNITS, METRIC_UNITS, frame_origin_um, pixel_size_of
from lensfree_nb.errors import DimensionError
from lensfree_nb.quantify.table import completed

MAPS = ("detection", "representation", "representation_se")
ROUND_CELL_UM2 = 400.0
LEAST = 1e-6


@dataclass(frozen=True)
class MapTable:
    """A row for each local maximum of the detection on which a disc lies.

    Parameters
    ----------
    metrics : tuple of str
        In the order of the maps.
    pixel_size_um : float
        Pixel pitch.
    origin_um : (float, float)
        Where the frame's first pixel lies.
    method : str
        What the table names as its maker.
    """

    metrics: tuple[str, ...]
    pixel_size_um: float
    origin_um: tuple[float, float]
    method: str

    def __call__(
        self, frame: dict[str, NDArray[Any]], *, index: int, time: np.datetime64
    ) -> pd.DataFrame:
        """One row a cell.

        Parameters
        ----------
        frame : dict
            ``detection`` (y, x), ``representation`` and ``representation_se`` (metric, y, x) and,
            where known, ``trusted``.
        index : int
            Which frame.
        time : datetime64
            When.
        """
        import torch

        from lensfree_nb.quantify.peaks import local_maxima, refined
        from lensfree_nb.quantify.reading import APART_PX
        from lensfree_nb.run.devices import working_on

        with working_on("cpu"):
            detection = torch.from_numpy(np.nan_to_num(frame["detection"]))
            # From which detection on there is a cell was settled when the discs were drawn.
            drawn = torch.from_numpy((frame["representation"] != 0).any(axis=0))
            centres = local_maxima(
                torch.where(drawn, detection, 0.0), least=LEAST, apart_px=APART_PX
            )
            points = refined(detection, centres).numpy() * self.pixel_size_um
        at = tuple(centres.numpy().T)
        values, errors = (frame[name][(slice(None), *at)] for name in MAPS[1:])
        table = pd.DataFrame({"y_um": points[:, 0], "x_um": points[:, 1]})
        table = table.assign(**dict.fromkeys(METRIC_UNITS, math.nan))
        for metric, value, error in zip(self.metrics, values, errors, strict=True):
            table[metric] = value.astype(float)
            table[f"{metric}_se"] = error.astype(float)
        shape = frame["detection"].shape
        # Of a network that tells no errors there is nothing to say against a cell.
        table["trusted"] = ~np.isinf(errors).any(axis=0)
        table["edge"] = self._touches_border(table, shape)
        return completed(
            table, shape=shape, pixel_size_um=self.pixel_size_um, origin_um=self.origin_um,
            trusted=frame.get("trusted"), time=time, frame=index, method=self.method,
        )  # fmt: skip

    def empty(self) -> pd.DataFrame:
        """A table of this kind without a row."""
        image = np.zeros((8, 8), np.float32)
        none = np.zeros((len(self.metrics), 8, 8), np.float32)
        frame = dict(zip(MAPS, (image, none, none), strict=True))
        return self(frame, index=0, time=np.datetime64("NaT", "ns"))

    def _touches_border(self, table: pd.DataFrame, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """Whether a cell of this area and length may reach beyond the frame, however it lies."""
        radius = np.sqrt(table["area_um2"].fillna(ROUND_CELL_UM2).to_numpy() / math.pi)
        radius = np.fmax(radius, table["major_axis_um"].to_numpy() / 2)
        points, last = table[["y_um", "x_um"]].to_numpy(), np.array(shape) - 1
        away = np.minimum(points, last * self.pixel_size_um - points).min(axis=1, initial=math.inf)
        return np.asarray(away < radius)


def map_table_of(ds: xr.Dataset) -> tuple[MapTable, xr.Dataset]:
    """The kernel for a dataset that was quantified, and what it reads of it.

    Raises
    ------
    DimensionError
        If a map is missing, or has no metrics.
    """
    if missing := [name for name in MAPS if name not in ds]:
        raise DimensionError(f"the dataset has no {', '.join(missing)}; call ds.lf.quantify()")
    if "metric" not in ds["representation"].dims:
        raise DimensionError("the maps have lost the dim 'metric'; select with a list: metric=[0]")
    metrics = tuple(str(metric) for metric in ds.coords["metric"].values)
    known = {**METRIC_UNITS, **CHANGE_UNITS}
    if unknown := [metric for metric in metrics if metric not in known]:
        raise DimensionError(f"metric holds {unknown}; known are {', '.join(known)}")
    said = ds["detection"].attrs
    kernel = MapTable(
        metrics, pixel_size_of(ds), frame_origin_um(ds), str(said.get("network", "representation")),
    )  # fmt: skip
    kept = [*MAPS, "trusted"] if "trusted" in ds else [*MAPS]
    frames = ds[kept].drop_vars(["metric", "units"], errors="ignore")
    return kernel, frames.transpose("time", "metric", "y", "x", missing_dims="ignore")
