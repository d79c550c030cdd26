import holoviews as hv
import numpy as np
import pandas as pd
import pytest
from bokeh.plotting import figure

from lensfree_nb.contract import METRIC_UNITS
from lensfree_nb.dashboards.density import SHOWN, density_panel
from lensfree_nb.evaluate.validation import validation
from tests import seeds


@pytest.fixture(scope="module")
def cells():
    rng = np.random.default_rng(seeds.CELLS)
    return pd.DataFrame(
        {
            "y_um": np.zeros(300), "x_um": np.arange(300) * 30.0,
            **{metric: rng.uniform(50, 100, 300) for metric in METRIC_UNITS},
            "density_per_mm2": rng.uniform(100, 600, 300),
        }
    )  # fmt: skip


def test_every_metric_has_every_score_beside_the_papers(cells):
    layout = density_panel(cells, cells, against="simulated truth")
    assert len(layout) == len(METRIC_UNITS) * len(SHOWN)
    curves = next(iter(layout)).traverse(lambda curve: curve, [hv.Curve])
    assert [len(curve) for curve in curves] == [4, 4]
    assert {curve.label for curve in curves} == {
        "against simulated truth", "Allier 2022, table 1 (against its standard pipeline)",
    }  # fmt: skip
    figures = list(hv.render(layout).select({"type": figure}))
    assert len(figures) == len(layout)
    # One legend for all, in which both are named.
    named = [[item.label.value for f in [each] for item in f.legend.items] for each in figures]
    (names,) = filter(None, named)
    assert {*names} == {curve.label for curve in curves}


def test_fewer_metrics_make_fewer_rows(cells):
    layout = density_panel(cells, cells[["y_um", "x_um", "area_um2", "density_per_mm2"]])
    assert len(layout) == len(SHOWN)


def test_the_panel_shows_what_a_validation_scores(cells):
    cut = cells.assign(edge=cells["y_um"].index < 100, area_um2=cells["area_um2"] + 50)
    asked = {"include_edge": True, "max_distance_um": 5.0, "bands_per_mm2": (0.0, 300.0, 600.0)}
    found = validation(cut, cells, **asked).by_density.loc["area_um2"]
    shown = next(iter(density_panel(cut, cells, **asked))).traverse(lambda curve: curve, [hv.Curve])
    np.testing.assert_allclose(shown[0].dimension_values(1), found["r2"])
    whole = next(iter(density_panel(cut, cells))).traverse(lambda curve: curve, [hv.Curve])
    assert len(shown[0]) == 2
    assert len(whole[0]) == 4
