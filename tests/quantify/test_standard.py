"""The standard pipeline on shapes known in closed form: detect, segment, measure together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import regionprops_table

from lensfree_nb.errors import ParameterError
from lensfree_nb.quantify.detect import detect, log_response
from lensfree_nb.quantify.measure import local_density, measure_frame
from lensfree_nb.quantify.segment import Settings, background_of, segment_frame

PITCH = 1.67
SETTINGS = Settings()


def dome(shape, y, x, a, b, height, angle=0.0):
    """A half-ellipsoid: volume 2/3 pi a b h, outline an ellipse of semi-axes a, b (px)."""
    yy, xx = np.mgrid[: shape[0], : shape[1]].astype(float)
    u = (xx - x) * np.cos(angle) + (yy - y) * np.sin(angle)
    v = (yy - y) * np.cos(angle) - (xx - x) * np.sin(angle)
    return height * np.sqrt(np.clip(1 - (u / a) ** 2 - (v / b) ** 2, 0, None))


def measured(opd, **options):
    labels = segment_frame(opd, PITCH, Settings(**options) if options else SETTINGS)
    return labels, measure_frame(opd, labels, PITCH, SETTINGS)


def test_a_half_ellipsoid_in_closed_form():
    opd = dome((120, 120), 60.3, 58.8, 13, 6, 100.0, 0.6)
    labels, table = measured(opd, threshold_nm=1.0)
    (cell,) = table.to_dict("records")
    assert labels.max() == 1
    assert (cell["y_um"], cell["x_um"]) == pytest.approx((60.3 * PITCH, 58.8 * PITCH), abs=0.3)
    assert cell["area_um2"] == pytest.approx(np.pi * 13 * 6 * PITCH**2, rel=0.03)
    assert cell["dry_mass_pg"] == pytest.approx(
        2 / 3 * np.pi * 13 * 6 * PITCH**2 * 0.1 / 0.18, rel=0.01
    )
    assert cell["max_opd_nm"] == pytest.approx(100.0, rel=0.02)
    assert cell["major_axis_um"] == pytest.approx(26 * PITCH, rel=0.03)
    assert not cell["edge"]


def test_one_detection_for_long_and_for_round_cells_subpixel():
    opd = dome((200, 200), 50, 60, 16, 5, 70.0) + dome((200, 200), 140.4, 130.7, 5, 5, 400.0)
    points = detect(opd, 20 / PITCH, 10.0)
    assert len(points) == 2
    np.testing.assert_allclose(points[0], (140.4, 130.7), atol=0.2)
    np.testing.assert_allclose(points[1], (50, 60), atol=1.0)


def test_log_is_scale_normalised():
    # At the centre of a Gaussian of the matched width the response is half its height: closed form.
    sigma = 5.0
    yy, xx = np.mgrid[-40:41, -40:41]
    blob = 80 * np.exp(-(yy**2 + xx**2) / (2 * sigma**2))
    assert log_response(blob, sigma * 2 * np.sqrt(2))[40, 40] == pytest.approx(40.0, rel=0.01)


def test_a_plateau_is_one_cell():
    opd = np.zeros((80, 80))
    opd[30:42, 30:42] = 60.0
    labels, table = measured(opd)
    assert labels.max() == 1
    assert table["area_um2"][0] == pytest.approx(144 * PITCH**2)


def test_touching_neighbours_are_split_and_keep_their_mass():
    pair = dome((120, 160), 60, 60, 10, 8, 80.0) + dome((120, 160), 60, 78, 10, 8, 80.0)
    labels, table = measured(pair, threshold_nm=2.0)
    assert labels.max() == 2
    each = 2 / 3 * np.pi * 80 * PITCH**2 * 0.08 / 0.18
    np.testing.assert_allclose(table["dry_mass_pg"], each, rtol=0.05)


def test_moments_agree_with_scikit_image():
    rng = np.random.default_rng(4)
    opd = sum(dome((300, 300), *rng.uniform(30, 270, 2), 9, 6, 80, a) for a in (0.1, 1.0, 2.0, 2.6))
    labels, table = measured(opd)
    oracle = regionprops_table(labels, properties=("centroid", "area", "axis_major_length"))
    np.testing.assert_allclose(table["y_um"], oracle["centroid-0"] * PITCH)
    np.testing.assert_allclose(table["x_um"], oracle["centroid-1"] * PITCH)
    np.testing.assert_allclose(table["area_um2"], oracle["area"] * PITCH**2)
    np.testing.assert_allclose(table["major_axis_um"], oracle["axis_major_length"] * PITCH)


@settings(max_examples=10, deadline=None)
@given(st.integers(-20, 20), st.integers(-20, 20), st.sampled_from([0.5, 2.0, 3.0]))
def test_moving_turning_and_scaling(dy, dx, factor):
    opd = dome((160, 160), 70, 80, 12, 6, 90.0, 0.4)
    _, here = measured(opd, threshold_nm=5.0)
    _, moved = measured(np.roll(opd, (dy, dx), (0, 1)), threshold_nm=5.0)
    _, turned = measured(np.rot90(opd), threshold_nm=5.0)
    scaled_labels = segment_frame(opd * factor, PITCH, Settings(threshold_nm=5.0 * factor))
    scaled = measure_frame(opd * factor, scaled_labels, PITCH, SETTINGS)
    for name in ("area_um2", "dry_mass_pg", "max_opd_nm", "major_axis_um"):
        np.testing.assert_allclose(moved[name], here[name], rtol=1e-9)
        np.testing.assert_allclose(turned[name], here[name], rtol=1e-9)
    np.testing.assert_allclose(moved["y_um"] - here["y_um"], dy * PITCH)
    np.testing.assert_allclose(scaled["dry_mass_pg"], factor * here["dry_mass_pg"], rtol=1e-9)


def test_background_and_noise_are_found_under_crowded_cells():
    rng = np.random.default_rng(6)
    opd = rng.normal(20.0, 3.0, (300, 300))
    opd[:, :120] += 70.0
    level, noise = background_of(opd)
    assert level == pytest.approx(20.0, abs=1.0)
    assert noise == pytest.approx(3.0, rel=0.2)


def test_unknown_pixels_and_empty_frames():
    opd = dome((120, 120), 60, 60, 12, 8, 90.0)
    opd[40:80, 64:] = np.nan
    labels, table = measured(opd)
    assert not labels[np.isnan(opd)].any()
    assert table["dry_mass_pg"].notna().all()
    for empty in (np.full((50, 50), np.nan), np.zeros((50, 50))):
        labels, table = measured(empty)
        assert labels.max() == 0
        assert len(table) == 0


def test_local_density_is_corrected_at_the_border():
    axis = np.arange(20, 2000, 40.0)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    density = local_density(grid, (2000.0, 2000.0))
    np.testing.assert_allclose(density, 625.0, rtol=0.1)


def test_edge_and_more_properties():
    opd = dome((100, 100), 2, 50, 8, 8, 90.0) + dome((100, 100), 60, 50, 8, 8, 90.0)
    labels = segment_frame(opd, PITCH, SETTINGS)
    table = measure_frame(opd, labels, PITCH, SETTINGS, properties=("eccentricity",))
    assert sorted(table["edge"]) == [False, True]
    assert (table.loc[~table["edge"], "eccentricity"] < 0.3).all()
    with pytest.raises(ParameterError, match="regionprops"):
        measure_frame(opd, labels, PITCH, SETTINGS, properties=("beauty",))
