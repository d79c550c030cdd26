"""``ds.lf.segment`` and ``ds.lf.cells``: from OPD to labels and to a table of cells."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from skimage.segmentation import relabel_sequential

from lensfree_nb.checks import check_choice
from lensfree_nb.contract import frame_origin_um, opd_of, pixel_size_of
from lensfree_nb.errors import DataError, DimensionError, ParameterError, QualityWarning
from lensfree_nb.provenance import provenance
from lensfree_nb.quantify.equations import ALPHA_UM3_PER_PG
from lensfree_nb.quantify.map_table import map_table_of
from lensfree_nb.quantify.measure import measure
from lensfree_nb.quantify.segment import Scene, Settings, scene_of, segment_frame, segment_scene
from lensfree_nb.quantify.table import completed
from lensfree_nb.run.tables import map_tables
from lensfree_nb.run.tiles import Tile, tile_grid

if TYPE_CHECKING:
    import dask.dataframe as dd

HALO_DIAMETERS = 6.0
NOTHING_FACTOR = 3.0
LARGEST_CELL_UM = 200.0
Method = Literal["auto", "standard", "maps"]
METHODS = get_args(Method)


@dataclass(frozen=True)
class CellTable:
    """The standard pipeline on one frame: the kernel of :func:`cells`."""

    settings: Settings
    pixel_size_um: float
    alpha_um3_per_pg: float
    properties: tuple[str, ...]
    tile_px: int | None
    origin_um: tuple[float, float] = (0.0, 0.0)

    def __call__(
        self, frame: dict[str, NDArray[Any]], *, index: int, time: np.datetime64
    ) -> pd.DataFrame:
        """One row a cell.

        Parameters
        ----------
        frame : dict
            ``opd`` (y, x; nm) and, where known, ``trusted`` and ``labels``.
        index : int
            Which frame.
        time : datetime64
            When.
        """
        opd = frame["opd"]
        scene = scene_of(opd, self.pixel_size_um, self.settings)
        whole = "labels" in frame
        if whole and frame["labels"].min(initial=0) < 0:
            raise DataError("labels holds numbers below 0; 0 is background, cells count from 1")
        tiles = tile_grid(opd.shape, None if whole else self.tile_px, self._halo_px())
        labels = relabel_sequential(frame["labels"])[0] if whole else None
        parts = [self._tile(scene, tile, labels) for tile in tiles]
        table = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
        table = table.assign(trusted=~table["cut"].to_numpy(bool)).drop(columns="cut")
        if not len(table):
            _warn_of_nothing(opd, self.settings.quality_nm)
        return completed(
            table, shape=opd.shape, pixel_size_um=self.pixel_size_um, origin_um=self.origin_um,
            trusted=frame.get("trusted"), time=time, frame=index, method="standard",
        )  # fmt: skip

    def _halo_px(self) -> int:
        # A cell is a few diameters long, and so is the neighbour that its outline depends on.
        reach_um = HALO_DIAMETERS * self.settings.cell_diameter_um + self.settings.skirt_um
        return math.ceil(reach_um / self.pixel_size_um)

    def _tile(self, frame: Scene, tile: Tile, labels: NDArray[Any] | None) -> pd.DataFrame:
        scene = frame.window(tile.padded)
        table = measure(
            scene,
            segment_scene(scene) if labels is None else labels.astype(np.int32),
            alpha_um3_per_pg=self.alpha_um3_per_pg,
            properties=self.properties,
        )
        top, left = (s.start for s in tile.padded)
        table = table.assign(
            y_um=table["y_um"] + top * self.pixel_size_um,
            x_um=table["x_um"] + left * self.pixel_size_um,
        )
        centres = table[["y_um", "x_um"]].to_numpy() / self.pixel_size_um
        owned = [tile.owns(y, x) for y, x in centres]
        return table[np.array(owned, bool)]


def cells(
    ds: xr.Dataset,
    *,
    method: Method = "auto",
    threshold_nm: float | None = None,
    cell_diameter_um: float = 20.0,
    min_area_um2: float = 80.0,
    quality_nm: float = 10.0,
    alpha_um3_per_pg: float = ALPHA_UM3_PER_PG,
    properties: Sequence[str] = (),
    tile_px: int | None = None,
) -> pd.DataFrame | dd.DataFrame:
    """Measure every cell of every frame.

    Parameters
    ----------
    ds : Dataset
        With ``opd``, or with the maps of ``quantify``. Where it has ``labels`` (of ``segment``, or
        your own: 0 is background), these cells are measured as they are outlined.
    method : {"auto", "standard", "maps"}
        ``"standard"``: LoG detection, seeded growing, measurement (Allier 2022 §2.3). ``"maps"``:
        the maxima of what ``quantify`` drew. By default maps, where there are any.
    threshold_nm, cell_diameter_um, min_area_um2, quality_nm : float
        See :class:`lensfree_nb.quantify.segment.Settings`.
    alpha_um3_per_pg : float
        Specific refractive increment (µm³/pg).
    properties : sequence of str
        More columns, named as in ``skimage.measure.regionprops`` with their unit added:
        ``perimeter`` gives ``perimeter_um``, ``intensity_mean`` ``intensity_mean_nm``.
    tile_px : int, optional
        Work in tiles of this side; a cell belongs to the tile that holds its centroid. Given
        labels are measured on the whole frame.

    Returns
    -------
    pandas.DataFrame, or dask DataFrame with one partition a frame where `ds` is lazy
        One row a cell. Where a cell touches unknown pixels, or the frame is not trusted, its
        ``trusted`` is False; where it touches the frame's border, its ``edge`` is True. Of maps,
        each measurement has its standard error beside it (``*_se``); ``trusted`` is False, too,
        where the cell is unlike those that the network learned from, not found again in a later
        frame (``changes``), or seen in pixels of another size;
        ``edge`` is True where a cell of this area and length may reach beyond the frame.
    """
    check_choice("method", method, METHODS)
    if method == "maps" or (method == "auto" and "representation" in ds):
        outlined = Settings(cell_diameter_um, quality_nm, threshold_nm, min_area_um2) != Settings()
        if outlined or alpha_um3_per_pg != ALPHA_UM3_PER_PG or properties or tile_px is not None:
            raise ParameterError(
                "the cells are read from maps, which know no outlines: leave the numbers of the "
                "standard pipeline out (alpha_um3_per_pg goes to quantify or changes), or ask for "
                "it (method='standard')"
            )
        maps, frames = map_table_of(ds)
        return map_tables(maps, frames, meta=maps.empty())
    opd, settings = _prepared(
        ds, threshold_nm, cell_diameter_um, min_area_um2, quality_nm, alpha_um3_per_pg
    )
    frames = opd.to_dataset(name="opd")
    if "trusted" in ds:
        frames["trusted"] = ds["trusted"].transpose(..., "y", "x", missing_dims="ignore")
    if "labels" in ds:
        if settings != Settings():
            raise ParameterError(
                "the dataset has labels, and these are measured; to outline cells by other "
                "numbers give them to segment(), or drop the labels (ds.drop_vars('labels'))"
            )
        frames["labels"] = _labels_of(ds, opd)
    kernel = CellTable(
        settings, pixel_size_of(ds), alpha_um3_per_pg, _names(properties), tile_px,
        frame_origin_um(ds),
    )  # fmt: skip
    meta = kernel({"opd": np.zeros((8, 8))}, index=0, time=np.datetime64("NaT", "ns"))
    return map_tables(kernel, frames, meta=meta)


def _labels_of(ds: xr.Dataset, opd: xr.DataArray) -> xr.DataArray:
    """The user's own outlines, in the order of the OPD.

    Raises
    ------
    DimensionError
        If they do not lie in the OPD's frames; those without time are of every frame.
    DataError
        If they are no whole numbers.
    """
    labels = ds["labels"]
    if not {"y", "x"} <= set(labels.dims) <= set(opd.dims):
        raise DimensionError(f"labels has dims {labels.dims}, opd {opd.dims}: they must be alike")
    if labels.dtype.kind not in "ui":
        raise DataError(
            f"labels has dtype {labels.dtype}; number the cells from 1, as by skimage.measure.label"
        )
    return labels.transpose(..., "y", "x")


def _warn_of_nothing(opd_nm: NDArray[Any], quality_nm: float) -> None:
    known = opd_nm[np.isfinite(opd_nm)]
    spread = float(np.subtract(*np.percentile(known, (99, 1)))) if known.size else 0.0
    if spread > NOTHING_FACTOR * quality_nm:
        warnings.warn(
            f"no cell was found, though the OPD varies by {spread:.0f} nm; where cells cover the "
            "whole field no background is left to rise above: give threshold_nm, and check "
            "cell_diameter_um and min_area_um2",
            QualityWarning,
            stacklevel=3,
        )


def _names(properties: Sequence[str]) -> tuple[str, ...]:
    return (properties,) if isinstance(properties, str) else tuple(properties)


def segment(
    ds: xr.Dataset,
    *,
    threshold_nm: float | None = None,
    cell_diameter_um: float = 20.0,
    min_area_um2: float = 80.0,
    quality_nm: float = 10.0,
) -> xr.Dataset:
    """Outline every cell: adds ``labels`` ([time,] y, x; int32, 0 is background).

    Parameters are those of :func:`cells`. Lazy where `ds` is.
    """
    opd, settings = _prepared(ds, threshold_nm, cell_diameter_um, min_area_um2, quality_nm, 1.0)
    labels = xr.apply_ufunc(
        segment_frame, opd.chunk({"y": -1, "x": -1}) if opd.chunks else opd,
        pixel_size_of(ds), settings,
        input_core_dims=[["y", "x"], [], []], output_core_dims=[["y", "x"]],
        vectorize=True, dask="parallelized", output_dtypes=[np.int32],
    )  # fmt: skip
    labels.attrs = {"long_name": "cell labels, 0 is background", "units": "1"}
    return ds.assign(labels=labels).assign_attrs(
        provenance(
            ds,
            "segment",
            threshold_nm=threshold_nm,
            cell_diameter_um=cell_diameter_um,
            min_area_um2=min_area_um2,
            quality_nm=quality_nm,
        )
    )


def _prepared(
    ds: xr.Dataset, threshold_nm: float | None, cell_diameter_um: float,
    min_area_um2: float, quality_nm: float, alpha_um3_per_pg: float,
) -> tuple[xr.DataArray, Settings]:  # fmt: skip
    positive = {
        "cell_diameter_um": cell_diameter_um,
        "min_area_um2": min_area_um2,
        "quality_nm": quality_nm,
        "alpha_um3_per_pg": alpha_um3_per_pg,
        "threshold_nm": 1.0 if threshold_nm is None else threshold_nm,
    }
    for name, value in positive.items():
        if not (isinstance(value, Real) and np.isfinite(value) and value > 0):
            raise ParameterError(f"{name} is {value!r}; it must be a number > 0")
    opd = opd_of(ds)
    side_um = max(opd.sizes["y"], opd.sizes["x"]) * pixel_size_of(ds)
    if cell_diameter_um > max(side_um, LARGEST_CELL_UM):
        raise ParameterError(
            f"cell_diameter_um is {cell_diameter_um:g}, the frame only {side_um:g} um wide"
        )
    return opd, Settings(
        cell_diameter_um=cell_diameter_um,
        quality_nm=quality_nm,
        threshold_nm=threshold_nm,
        min_area_um2=min_area_um2,
    )
