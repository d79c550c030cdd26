"""The dashboard: the map with its cells, distributions, regression against a reference."""

from __future__ import annotations

from typing import Any

import holoviews as hv
import numpy as np
import pandas as pd
import panel as pn
import xarray as xr

from lensfree_nb.contract import frame_origin_um, opd_of, pixel_size_of
from lensfree_nb.dashboards.bokeh import draw_by_bokeh
from lensfree_nb.dashboards.distributions import distributions
from lensfree_nb.dashboards.figure import METRIC_LABELS
from lensfree_nb.dashboards.regression import regression
from lensfree_nb.run.tables import cells_of_frame, in_memory

OVERVIEW_PX = 512
CELL_COLUMNS = ("cell", *METRIC_LABELS, "density_per_mm2", "edge", "trusted")


def dashboard(
    ds: xr.Dataset, cells: pd.DataFrame | None = None, reference: pd.DataFrame | None = None
) -> Any:
    """A Panel page of a result, to show in a notebook or serve.

    Parameters
    ----------
    ds : Dataset
        With ``opd``. One frame at a time is computed, and thinned to an overview of 512 px
        before it goes to the browser.
    cells : DataFrame, optional
        From ``ds.lf.cells()``: points with their measurements under the pointer.
    reference : DataFrame, optional
        Another table of the same cells: adds the regression tab.

    Returns
    -------
    panel.Tabs
    """
    draw_by_bokeh()
    cells, reference = (None if t is None else in_memory(t) for t in (cells, reference))
    opd_of(ds)
    tabs = [("map", _map_with_time(ds, cells))]
    if cells is not None:
        tabs.append(("distributions", pn.pane.HoloViews(distributions(cells))))
    if cells is not None and reference is not None:
        tabs.append(("against the reference", pn.pane.HoloViews(regression(cells, reference))))
    return pn.Tabs(*tabs)


def frame_view(ds: xr.Dataset, cells: pd.DataFrame | None, time: int = 0) -> Any:
    """One frame's overview, with its cells on top."""
    opd, pitch_um = opd_of(ds), pixel_size_of(ds)
    frame = opd.isel(time=time) if "time" in opd.dims else opd
    step = max(1, -(-max(frame.shape) // OVERVIEW_PX))
    thinned = frame.coarsen(y=step, x=step, boundary="pad").mean().astype(np.float32)
    y, x = (
        start + (np.arange(n) * step + (step - 1) / 2) * pitch_um
        for start, n in zip(frame_origin_um(ds), thinned.shape, strict=True)
    )
    image = hv.Image(
        (x, y, thinned.values), kdims=["x (µm)", "y (µm)"], vdims=["OPD (nm)"], rtol=1e-2
    ).opts(cmap="magma", colorbar=True, width=720, height=560, aspect="equal", invert_yaxis=True)
    if cells is None:
        return image
    shown = cells_of_frame(ds, cells, time)
    extra = [name for name in CELL_COLUMNS if name in shown]
    table = shown[[*extra]].assign(**{"x (µm)": shown["x_um"], "y (µm)": shown["y_um"]})
    points = hv.Points(table, kdims=["x (µm)", "y (µm)"], vdims=extra)
    return image * points.opts(color="#7ee0d0", size=4, tools=["hover"])


def _map_with_time(ds: xr.Dataset, cells: pd.DataFrame | None) -> Any:
    frames = ds["opd"].sizes.get("time", 1)
    if frames == 1:
        return pn.pane.HoloViews(frame_view(ds, cells))
    slider = pn.widgets.IntSlider(label="frame", start=0, end=frames - 1)
    view = pn.bind(lambda time: frame_view(ds, cells, time), slider)
    return pn.Column(slider, pn.pane.HoloViews(hv.DynamicMap(view)))
