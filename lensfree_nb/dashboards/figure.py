"""The static figure: holograms, OPD with outlined cells, distributions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from skimage.measure import block_reduce

from lensfree_nb.contract import (
    METRIC_UNITS,
    exposure_dim,
    frame_origin_um,
    opd_of,
    pixel_size_of,
)
from lensfree_nb.dashboards.selection import checked_frame_number, is_whole
from lensfree_nb.run.tables import cells_of_frame, in_memory, moment_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

METRIC_LABELS = {
    "area_um2": "area (µm²)",
    "dry_mass_pg": "dry mass (pg)",
    "max_opd_nm": "maximal OPD (nm)",
    "major_axis_um": "major axis (µm)",
}
ACCENT, MUTED, FLAGGED, FOUND = "#0b6e75", "#8a8f98", "#d1495b", "#7ee0d0"
MAX_SIDE_PX = 1600


def figure(
    ds: xr.Dataset,
    cells: pd.DataFrame | None = None,
    *,
    holograms: xr.Dataset | None = None,
    time: int = 0,
    title: str | None = None,
) -> Figure:
    """Draw one frame: its holograms, its OPD with the cells outlined, and their distributions.

    Parameters
    ----------
    ds : Dataset
        With ``opd``; ``labels`` gives the outlines, where there is one.
    cells : DataFrame, optional
        From ``ds.lf.cells()``; cells at the edge or untrusted are drawn apart, and left out of
        the distributions.
    holograms : Dataset, optional
        The acquisition, when `ds` no longer has its holograms.
    time : int
        Which frame.
    title : str, optional
        Heading.
    """
    from matplotlib.figure import Figure

    cells = None if cells is None else in_memory(cells)
    time = checked_frame_number(ds, time)
    source = ds if "hologram" in ds else holograms
    raw = _frame(source["hologram"], time) if source is not None else None
    opd = _frame(opd_of(ds), time)
    pitch = pixel_size_of(ds)
    shown = None if cells is None else cells_of_frame(ds, cells, time)
    drawing = Figure(figsize=(9.6, 8.6), layout="constrained")
    drawing.suptitle(
        title or _heading(ds, time, shown), x=0.01, ha="left", fontsize=12, weight="bold"
    )
    parts: Any = drawing.subfigures(2, 1, height_ratios=[2.5, 1])
    top, bottom = parts
    count = raw.sizes[exposure_dim(raw)] if raw is not None else 0
    mosaic = [[f"hologram{i}", "opd"] for i in range(count)] or [["opd"]]
    axes = top.subplot_mosaic(mosaic, width_ratios=[1, count + 0.4] if count else None)
    if raw is not None:
        _draw_holograms(axes, raw, pitch)
    _draw_opd(top, axes["opd"], opd, pitch, ds, time, shown)
    for axis, (metric, label) in zip(bottom.subplots(1, 4), METRIC_LABELS.items(), strict=True):
        _draw_distribution(axis, shown, metric, label)
    return drawing


def scale_bar_um(width_um: float) -> float:
    """A round length (µm) near a fifth of the width.

    >>> scale_bar_um(1069.0)
    200.0
    """
    target = width_um / 5
    power = 10.0 ** np.floor(np.log10(target))
    return float(max(step * power for step in (1, 2, 5) if step * power <= target))


def _frame(array: xr.DataArray, time: int) -> xr.DataArray:
    chosen = array.isel(time=time) if "time" in array.dims else array
    return chosen.compute()


def _heading(ds: xr.Dataset, time: int, cells: pd.DataFrame | None) -> str:
    moment = moment_of(ds, time)
    when = "" if moment is None else str(np.datetime_as_string(moment, unit="m"))
    count = "" if cells is None else f"{len(cells)} cells"
    return "   ".join(part for part in ("Lens-free microscopy", when, count) if part)


def _draw_holograms(axes: dict[Any, Axes], raw: xr.DataArray, pitch: float) -> None:
    exposure = exposure_dim(raw)
    wavelengths = np.atleast_1d(raw.coords["wavelength"].values)
    for i in range(raw.sizes[exposure]):
        axis, image = axes[f"hologram{i}"], raw.isel({exposure: i}).values
        _show(axis, image, pitch, "gray", *_limits(image, 0.5, 99.5))
        wavelength = wavelengths[i if len(wavelengths) > 1 else 0]
        axis.set_title(f"hologram, {wavelength:g} nm", fontsize=9, loc="left")


def _draw_opd(
    parent: Any, axis: Axes, opd: xr.DataArray, pitch: float, ds: xr.Dataset, time: int,
    cells: pd.DataFrame | None,
) -> None:  # fmt: skip
    low, high = _limits(opd.values, 0.2, 99.8)
    image = _show(axis, opd.values, pitch, "magma", min(low, 0.0), max(high, 1.0))
    parent.colorbar(image, ax=axis, label="optical path difference (nm)", shrink=0.85, pad=0.01)
    if "labels" in ds:
        outlines = _separated(_frame(ds["labels"], time).values)
        rows, columns = (np.arange(n) * pitch for n in outlines.shape)
        axis.contour(columns, rows, outlines, levels=[0.5], colors="white", linewidths=0.5)
    if cells is not None and len(cells):
        whole = is_whole(cells)
        top, left = frame_origin_um(ds)
        for chosen, colour, name in (
            (whole, FOUND, "cell"),
            (~whole, FLAGGED, "at the edge or untrusted"),
        ):
            part = cells[chosen]
            label = f"{name} ({len(part)})"
            axis.scatter(
                part["x_um"] - left, part["y_um"] - top, s=5, c=colour, linewidths=0, label=label
            )
        axis.legend(loc="upper right", fontsize=8, framealpha=0.85, markerscale=2)
    _scale_bar(axis, *(n * pitch for n in opd.shape))
    axis.set_title("optical path difference, cells outlined", fontsize=9, loc="left")


def _scale_bar(axis: Axes, height_um: float, width_um: float) -> None:
    bar, start = scale_bar_um(width_um), 0.03 * width_um
    y = 0.965 * height_um
    axis.plot(
        [start, start + bar], [y, y],
        color="white", linewidth=4, solid_capstyle="butt", gid="scale-bar",
    )  # fmt: skip
    axis.text(
        start + bar / 2, y - 0.015 * height_um, f"{bar:g} µm",
        color="white", ha="center", va="bottom", fontsize=9,
    )  # fmt: skip


def _draw_distribution(axis: Axes, cells: pd.DataFrame | None, metric: str, label: str) -> None:
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.set_xlabel(label, fontsize=9)
    axis.set_yticks([])
    if cells is None or metric not in cells:
        return
    values = cells.loc[is_whole(cells), metric].dropna().to_numpy()
    if not len(values):
        axis.set_title("no whole, trusted cell", fontsize=8, color=MUTED, loc="left")
        return
    median = float(np.median(values))
    unit = METRIC_UNITS[metric].replace("um", "µm").replace("^2", "²")
    axis.hist(values, bins="auto", color=ACCENT, alpha=0.85)
    axis.axvline(median, color=FLAGGED, linewidth=1.2)
    axis.set_title(
        f"median {median:.3g} {unit}, n = {len(values)}",
        fontsize=8,
        color=MUTED,
        loc="left",
    )


def _separated(labels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Cells as a mask in which touching neighbours are a pixel apart."""
    inside = labels > 0
    for axis in (0, 1):
        following = np.roll(labels, -1, axis)
        inside &= (following == labels) | (following == 0)
    return inside


def _limits(image: np.ndarray[Any, Any], low: float, high: float) -> tuple[float, float]:
    """Percentiles of what is known; 0 to 1 where nothing is."""
    known = image[np.isfinite(image)]
    if not known.size:
        return 0.0, 1.0
    first, last = np.percentile(known, (low, high))
    return float(first), float(last)


def _show(
    axis: Axes, image: np.ndarray[Any, Any], pitch: float, cmap: str, low: float, high: float
) -> AxesImage:
    """An overview of the image, in µm; the centre of its first pixel is at 0, 0."""
    step = max(1, -(-max(image.shape) // MAX_SIDE_PX))
    shown = image if step == 1 else _block_means(image, step)
    height, width = ((n * step - 0.5) * pitch for n in shown.shape)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set_facecolor("#bbbbbb")
    return axis.imshow(
        shown, cmap=cmap, vmin=low, vmax=high, interpolation="none",
        extent=(-0.5 * pitch, width, height, -0.5 * pitch),
    )  # fmt: skip


def _block_means(image: np.ndarray[Any, Any], step: int) -> np.ndarray[Any, Any]:
    known = np.isfinite(image)
    total = block_reduce(np.where(known, image, 0.0), step, np.sum)
    count = block_reduce(known, step, np.sum)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
