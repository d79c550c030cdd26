import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.ndimage import maximum_filter

from lensfree_nb.dashboards.figure import METRIC_LABELS, _show, figure, scale_bar_um


@pytest.fixture(scope="module")
def drawing(reconstructed, holograms):
    rec = reconstructed.lf.segment()
    return figure(rec, rec.lf.cells(), holograms=holograms)


def test_panels_units_and_titles(drawing):
    titles = [axis.get_title(loc="left") for axis in drawing.axes]
    assert [t for t in titles if t.startswith("hologram, ")] == [
        "hologram, 640 nm", "hologram, 530 nm", "hologram, 450 nm",
    ]  # fmt: skip
    labels = {axis.get_xlabel() for axis in drawing.axes}
    assert set(METRIC_LABELS.values()) <= labels
    assert any("(nm)" in axis.get_ylabel() for axis in drawing.axes)


def test_scale_bar_is_as_long_as_it_says(drawing):
    (bar,) = [line for axis in drawing.axes for line in axis.lines if line.get_gid() == "scale-bar"]
    length = np.ptp(bar.get_xdata())
    texts = [text.get_text() for text in bar.axes.texts]
    assert f"{length:g} µm" in texts
    assert length == scale_bar_um(256 * 1.67)


def test_outlines_lie_on_the_cells(reconstructed):
    rec = reconstructed.lf.segment()
    axis = next(a for a in figure(rec).axes if a.collections)
    (contour,) = axis.collections
    points = np.vstack([path.vertices for path in contour.get_paths()]) / 1.67
    rows, columns = np.clip(np.round(points[:, ::-1]).astype(int), 0, 255).T
    opd = maximum_filter(rec["opd"].values[0], 3)  # an outline runs between pixels
    assert np.mean(opd[rows, columns] > 2) > 0.9


def test_a_large_image_is_shown_by_block_means_in_its_place():
    image = np.zeros((2000, 3300))
    image[::2] = 2.0
    image[0, 0] = np.nan
    axis = Figure().subplots()
    shown = _show(axis, image, 1.67, "gray", 0, 2)
    assert max(shown.get_array().shape) <= 1600
    np.testing.assert_allclose(shown.get_array()[1:-1], 1.0, atol=0.4)
    left, right, bottom, top = shown.get_extent()
    assert (left, top) == (-0.5 * 1.67, -0.5 * 1.67)
    assert right == pytest.approx(3299.5 * 1.67, rel=1e-3)
    assert bottom == pytest.approx(1999.5 * 1.67, rel=1e-3)


def test_draws_without_cells_and_holograms(reconstructed):
    assert figure(reconstructed, title="Only OPD").get_suptitle() == "Only OPD"


def test_lazy_tables_and_frames_without_times(reconstructed, holograms):
    untimed = reconstructed.drop_vars("time").lf.segment()
    cells = untimed.chunk(time=1).lf.cells()
    assert hasattr(cells, "compute")
    assert "cells" in figure(untimed, cells, holograms=holograms).get_suptitle()
