import html.parser
import io

import holoviews as hv
import numpy as np
import pytest

from lensfree_nb.dashboards.distributions import distributions
from lensfree_nb.dashboards.explore import OVERVIEW_PX, frame_view
from lensfree_nb.dashboards.figure import METRIC_LABELS
from lensfree_nb.dashboards.html import repr_html
from lensfree_nb.dashboards.regression import regression
from lensfree_nb.errors import ParameterError

hv.extension("bokeh", logo=False)


def test_distributions_have_units_and_leave_out_cut_cells(reconstructed):
    cells = reconstructed.lf.cells()
    layout = distributions(cells)
    assert [str(h.kdims[0]) for h in layout] == list(METRIC_LABELS.values())
    whole = int((~cells["edge"]).sum())
    assert all(np.sum(h.dimension_values("cells")) == whole for h in layout)
    assert "no cells" in distributions(cells.iloc[:0]).values()[0].label


def test_regression_says_how_good(reconstructed, cells_truth):
    cells = reconstructed.lf.cells().drop(columns="frame")
    layout = regression(cells, cells_truth)
    first = next(iter(layout))
    assert "R² " in hv.Store.lookup_options("bokeh", first.Scatter.I, "plot").kwargs["title"]
    assert len(regression(cells.iloc[:0], cells_truth)) == 4


def test_dashboard_sends_little_and_reaches_the_browser(reconstructed, cells_truth):
    cells = reconstructed.lf.cells()
    reference = cells_truth.assign(frame=0)
    tabs = reconstructed.lf.dashboard(cells, reference)
    assert len(tabs) == 3
    stream = io.StringIO()
    tabs.save(stream, resources="cdn")
    assert len(stream.getvalue()) < 2_000_000
    view = frame_view(reconstructed["opd"], 1.67, cells, 0)
    assert view.Image.I.dimension_values(2).nbytes < 2e6


def test_a_large_frame_is_thinned():
    import xarray as xr

    opd = xr.DataArray(np.ones((1200, 3000), np.float32), dims=("y", "x"))
    image = frame_view(opd, 1.0, None, 0)
    assert max(image.dimension_values(2, flat=False).shape) <= OVERVIEW_PX
    assert image.bounds.lbrt()[2] == pytest.approx(3000, rel=0.01)


def test_time_gets_a_slider(reconstructed):
    twice = reconstructed.isel(time=[0, 0])
    column = twice.lf.dashboard()[0]
    assert column[0].end == 1


def test_points_lie_on_their_cells(reconstructed):
    cells = reconstructed.lf.cells()
    view = frame_view(reconstructed["opd"], 1.67, cells, 0)
    image, points = view.Image.I, view.Points.I
    map_ = image.dimension_values("OPD (nm)", flat=False)
    step = image.bounds.lbrt()[2] / map_.shape[1]
    rows, columns = (
        np.clip((points[name] / step).astype(int), 0, n - 1)
        for name, n in zip(("y (µm)", "x (µm)"), map_.shape, strict=True)
    )
    heights = map_[rows, columns]  # HoloViews hands rows out from the bottom up
    assert np.mean(heights > 5) > 0.8


class Parser(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)


def test_the_card_escapes_and_computes_nothing(holograms, no_compute):
    evil = holograms.chunk(time=1).assign_attrs(distance_um="<script>alert(1)</script>")
    evil = evil.drop_vars("distance")
    with no_compute():
        text = evil.lf._repr_html_()
    parser = Parser()
    parser.feed(text)
    assert "script" not in parser.tags
    for words in ("640 nm", "256 × 256 px", "find_distance()", "2024-05-01T12:10"):
        assert words in text


def test_the_card_follows_the_line(holograms, reconstructed):
    assert "1000 µm" in repr_html(holograms)
    assert "ds.lf.reconstruct()" in repr_html(holograms)
    assert "rec.lf.cells()" in repr_html(reconstructed)
    assert "reconstruct" in repr_html(reconstructed)
    assert "unreadable" in repr_html(holograms.assign_attrs(provenance="{"))


def test_the_tuner_redraws_and_hands_over_the_distance(holograms):
    tuner = holograms.lf.tune_distance(crop_px=128)
    before = tuner.picture.value
    assert before[:4] == b"\x89PNG"
    tuner.fine.value = 25.0
    assert tuner.picture.value != before
    tuner.exposure.value = 2
    tuner.show.value = "amplitude"
    tuner.accept.click()
    assert float(tuner.dataset["distance"]) == pytest.approx(1025.0, rel=0.01)
    assert tuner.dataset["distance"].attrs["units"] == "um"
    assert float(holograms["distance"]) == 1000.0
    with pytest.raises(ParameterError, match="crop_px"):
        holograms.lf.tune_distance(crop_px=4)
