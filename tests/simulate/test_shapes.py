import numpy as np
import pytest

from lensfree_nb.simulate.shapes import LOBES, adherent_opd_nm, round_opd_nm

ROUND = {"y_um": 3.0, "x_um": -2.0, "semi_major_um": 7.5, "height_nm": 300.0}
SMOOTH = {
    "y_um": 3.0, "x_um": -2.0, "semi_major_um": 20.0, "semi_minor_um": 10.0, "angle_rad": 0.6,
    "height_nm": 60.0, "nucleus_nm": 0.0, "texture": 0.0,
    **{f"{name}_{lobe}": 0.0 for lobe in LOBES for name in ("lobe", "phase")},
}  # fmt: skip


def points(step=0.25, reach=40.0):
    axis = np.arange(-reach, reach, step)
    return axis[:, None], axis[None]


def test_a_round_cell_is_a_sphere():
    opd = round_opd_nm(ROUND, *points())
    volume = opd.sum() * 0.25**2
    assert volume == pytest.approx(2 / 3 * 300.0 * np.pi * 7.5**2, rel=1e-3)
    y, x = points()
    assert round_opd_nm(ROUND, np.array(3.0), np.array(-2.0)) == 300.0
    assert not opd[np.hypot(y - 3, x + 2) >= 7.5].any()


def test_a_smooth_adherent_cell_is_an_ellipse_of_its_axes_and_angle():
    y, x = points()
    mask = adherent_opd_nm(SMOOTH, y, x) > 30.0
    assert mask.sum() * 0.25**2 == pytest.approx(np.pi * 20 * 10, rel=0.01)
    yy, xx = (np.broadcast_to(axis, mask.shape)[mask] for axis in (y, x))
    assert (yy.mean(), xx.mean()) == pytest.approx((3.0, -2.0), abs=0.05)
    values, vectors = np.linalg.eigh(np.cov(np.stack([yy, xx])))
    np.testing.assert_allclose(2 * np.sqrt(values), [10, 20], rtol=0.01)
    along = vectors[:, 1] * np.sign(vectors[1, 1])
    assert np.arctan2(*along) == pytest.approx(0.6, abs=0.01)


def test_nucleus_and_texture_add_to_the_body():
    nucleus = {**SMOOTH, "nucleus_nm": 40.0}
    centre = np.array(3.0), np.array(-2.0)
    added = adherent_opd_nm(nucleus, *centre) - adherent_opd_nm(SMOOTH, *centre)
    assert added == pytest.approx(40.0, rel=1e-3)
    rough = adherent_opd_nm({**SMOOTH, "texture": 0.1}, *points())
    ratio = rough / adherent_opd_nm(SMOOTH, *points())
    assert np.abs(ratio - 1).max() == pytest.approx(0.1, rel=0.05)
