import holoviews as hv
from bokeh.plotting import figure

from lensfree_nb.dashboards.regression import regression

hv.extension("bokeh", logo=False)


def test_regression_says_how_good(reconstructed, cells_truth):
    cells = reconstructed.lf.cells().drop(columns="frame")
    layout = regression(cells, cells_truth)
    first = next(iter(layout))
    assert "R² " in hv.Store.lookup_options("bokeh", first.Scatter.I, "plot").kwargs["title"]
    assert len(regression(cells.iloc[:0], cells_truth)) == 4


def test_each_panel_has_its_own_range(reconstructed, cells_truth):
    cells = reconstructed.lf.cells().drop(columns="frame")
    area, mass, *_ = hv.render(regression(cells, cells_truth)).select({"type": figure})
    assert area.x_range is not mass.x_range
