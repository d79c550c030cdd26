import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from skimage.measure import perimeter, regionprops_table

from lensfree_nb.errors import ParameterError
from lensfree_nb.quantify.measure import local_density

PITCH = 1.67


def test_a_half_ellipsoid_in_closed_form(dome, measured):
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


def test_touching_neighbours_are_split_and_keep_their_mass(dome, measured):
    pair = dome((120, 160), 60, 60, 10, 8, 80.0) + dome((120, 160), 60, 78, 10, 8, 80.0)
    labels, table = measured(pair, threshold_nm=2.0)
    assert labels.max() == 2
    each = 2 / 3 * np.pi * 80 * PITCH**2 * 0.08 / 0.18
    np.testing.assert_allclose(table["dry_mass_pg"], each, rtol=0.05)


def test_moments_agree_with_scikit_image(dome, measured):
    rng = np.random.default_rng(4)
    opd = sum(dome((300, 300), *rng.uniform(30, 270, 2), 9, 6, 80, a) for a in (0.1, 1.0, 2.0, 2.6))
    labels, table = measured(opd)
    oracle = regionprops_table(labels, properties=("centroid", "area", "axis_major_length"))
    np.testing.assert_allclose(table["y_um"], oracle["centroid-0"] * PITCH)
    np.testing.assert_allclose(table["x_um"], oracle["centroid-1"] * PITCH)
    np.testing.assert_allclose(table["area_um2"], oracle["area"] * PITCH**2)
    np.testing.assert_allclose(table["major_axis_um"], oracle["axis_major_length"] * PITCH)


def test_unknown_pixels_and_empty_frames(dome, measured):
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


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(-20, 20), st.integers(-20, 20), st.sampled_from([0.5, 2.0, 3.0]))
def test_moving_turning_and_scaling(dome, measured, dy, dx, factor):
    opd = dome((160, 160), 70, 80, 12, 6, 90.0, 0.4)
    _, here = measured(opd, threshold_nm=5.0)
    _, moved = measured(np.roll(opd, (dy, dx), (0, 1)), threshold_nm=5.0)
    _, turned = measured(np.rot90(opd), threshold_nm=5.0)
    _, scaled = measured(opd * factor, threshold_nm=5.0 * factor)
    for name in ("area_um2", "dry_mass_pg", "max_opd_nm", "major_axis_um"):
        np.testing.assert_allclose(moved[name], here[name], rtol=1e-9)
        np.testing.assert_allclose(turned[name], here[name], rtol=1e-9)
    np.testing.assert_allclose(moved["y_um"] - here["y_um"], dy * PITCH)
    np.testing.assert_allclose(scaled["dry_mass_pg"], factor * here["dry_mass_pg"], rtol=1e-9)


def test_a_cell_cut_by_unknown_pixels_says_so(dome, measured):
    opd = dome((120, 240), 60, 60, 12, 8, 90.0) + dome((120, 240), 60, 180, 12, 8, 90.0)
    opd[40:80, 66:80] = np.nan
    _, table = measured(opd)
    cut = table.set_index("x_um").sort_index()["cut"]
    assert cut.tolist() == [True, False]


def test_edge_and_more_properties_with_their_units(dome, measured):
    opd = dome((100, 100), 2, 50, 8, 8, 90.0) + dome((100, 100), 60, 50, 8, 8, 90.0)
    names = ("eccentricity", "perimeter", "area_convex", "intensity_mean", "bbox")
    labels, table = measured(opd, properties=names)
    assert sorted(table["edge"]) == [False, True]
    whole = table[~table["edge"]].iloc[0]
    assert whole["eccentricity"] < 0.3
    assert whole["perimeter_um"] == pytest.approx(
        perimeter(labels == labels[60, 50]) * PITCH, rel=1e-6
    )
    assert whole["area_convex_um2"] == pytest.approx(whole["area_um2"], rel=0.1)
    assert 45 < whole["intensity_mean_nm"] < 90
    assert "bbox-0_px" in table
    with pytest.raises(ParameterError, match="regionprops"):
        measured(opd, properties=("beauty",))
