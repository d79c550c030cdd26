import io

import holoviews as hv
import numpy as np
import pytest
import xarray as xr

import lensfree_nb as lf
from lensfree_nb.dashboards.explore import OVERVIEW_PX, frame_view

hv.extension("bokeh", logo=False)


def test_dashboard_sends_little_and_reaches_the_browser(reconstructed, cells_truth):
    cells = reconstructed.lf.cells()
    reference = cells_truth.assign(frame=0)
    tabs = reconstructed.lf.dashboard(cells, reference)
    assert len(tabs) == 3
    stream = io.StringIO()
    tabs.save(stream, resources="cdn")
    assert len(stream.getvalue()) < 2_000_000
    view = frame_view(reconstructed, cells)
    assert view.Image.I.dimension_values(2).nbytes < 2e6


def test_a_large_frame_is_thinned():
    opd = xr.DataArray(np.ones((1200, 3000), np.float32), dims=("y", "x"))
    image = frame_view(lf.from_opd(opd, pixel_size_um=1.0), None)
    assert max(image.dimension_values(2, flat=False).shape) <= OVERVIEW_PX
    assert image.bounds.lbrt()[2] == pytest.approx(3000, rel=0.01)


def test_time_gets_a_slider(reconstructed):
    twice = reconstructed.isel(time=[0, 0])
    column = twice.lf.dashboard()[0]
    assert column[0].end == 1


def test_points_lie_on_their_cells(reconstructed):
    cells = reconstructed.lf.cells()
    view = frame_view(reconstructed, cells)
    image, points = view.Image.I, view.Points.I
    map_ = image.dimension_values("OPD (nm)", flat=False)
    step = image.bounds.lbrt()[2] / map_.shape[1]
    rows, columns = (
        np.clip((points[name] / step).astype(int), 0, n - 1)
        for name, n in zip(("y (µm)", "x (µm)"), map_.shape, strict=True)
    )
    heights = map_[rows, columns]  # HoloViews hands rows out from the bottom up
    assert np.mean(heights > 5) > 0.8
