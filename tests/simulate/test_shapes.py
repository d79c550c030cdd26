import numpy as np
import pytest
import torch

from lensfree_nb.simulate.shapes import LOBES, SHAPES, TEST_ONLY, TUNE_ONLY, adherent

STEP = 0.25
PLAIN = {
    "semi_major_um": 20.0, "semi_minor_um": 10.0, "angle_rad": 0.6, "height_nm": 60.0,
    "nucleus_nm": 0.0, "apart_um": 14.0, "contact": 0.0,
}  # fmt: skip


def layers(kind="adherent", **changes):
    cell = {k: torch.tensor([[[float(v)]]]) for k, v in {**PLAIN, **changes}.items()}
    axis = torch.arange(-45, 45 + STEP, STEP)
    return cell, SHAPES[kind](cell, axis[None, :, None], axis[None, None, :]), axis


def opd(kind="adherent", **changes):
    cell, found, _ = layers(kind, **changes)
    return found.opd_nm(cell)[0].numpy()


def test_a_round_cell_is_a_sphere():
    found = opd("round", semi_major_um=7.5, height_nm=300.0)
    assert found.sum() * STEP**2 == pytest.approx(2 / 3 * 300.0 * np.pi * 7.5**2, rel=2e-3)
    assert found.max() == pytest.approx(300.0)


def test_a_smooth_adherent_cell_is_an_ellipse_of_its_axes_and_angle():
    mask = opd() > 30.0
    assert mask.sum() * STEP**2 == pytest.approx(np.pi * 20 * 10, rel=0.01)
    values, vectors = np.linalg.eigh(np.cov(np.stack(np.nonzero(mask))) * STEP**2)
    np.testing.assert_allclose(2 * np.sqrt(values), [10, 20], rtol=0.01)
    along = vectors[:, 1] * np.sign(vectors[1, 1])
    assert np.arctan2(*along) == pytest.approx(0.6, abs=0.01)


def test_parts_of_a_spread_cell():
    smooth = opd()
    nucleus = opd(nucleus_nm=40.0, nucleolus_1=0.5, nucleolus_1_y=0.0, nucleolus_1_x=0.0)
    assert (nucleus - smooth).max() == pytest.approx(60.0, rel=1e-3)
    lamella = opd(lamella=0.4, lamella_rad=0.0)
    new = lamella[(lamella > 12) & (smooth < 12)]
    assert new.size * STEP**2 > 20
    assert np.median(new) < 50
    assert (opd(tip=0.5) > 12).sum() > (smooth > 12).sum()
    waves = {f"wave_{n}_{c}": 1.0 + 0.3 * n for n in range(1, 7) for c in ("y", "x", "phase")}
    grain = (opd(granules=0.1, **waves) / smooth)[smooth > 30] - 1
    assert abs(grain.mean()) < 0.03
    assert 0.03 < grain.std() < 0.2
    assert opd(taper=0.3)[smooth > 50].mean() < smooth[smooth > 50].mean()
    assert any(opd(**{f"lobe_{LOBES[0]}": 0.2, f"phase_{LOBES[0]}": 0.0})[180, :] != smooth[180, :])


def test_pairs_touch_or_merge():
    apart, merged = (opd("doublet", semi_major_um=7.0, height_nm=300, apart_um=a) for a in (14, 8))
    assert (apart > 0).sum() * STEP**2 == pytest.approx(2 * np.pi * 49, rel=0.01)
    assert (merged > 0).sum() < (apart > 0).sum()
    assert merged.max() == pytest.approx(300, rel=1e-3)


def test_a_waisted_cell_is_an_ellipsoid_with_a_furrow():
    size = {"semi_major_um": 12.0, "semi_minor_um": 7.0, "height_nm": 300.0, "angle_rad": 0.0}
    whole, furrowed = opd("waisted", **size), opd("waisted", **size, furrow=0.5)
    assert whole.sum() * STEP**2 == pytest.approx(2 / 3 * 300 * np.pi * 12 * 7, rel=3e-3)
    middle = whole.shape[0] // 2
    assert furrowed[middle, middle] == pytest.approx(150.0, rel=1e-3)
    # Round about its axis: as thick in the middle as it is wide there.
    width = (furrowed[:, middle] > 0).sum() * STEP
    assert width == pytest.approx(7.0, abs=2 * STEP)
    assert furrowed.max() > 1.5 * furrowed[middle, middle]
    np.testing.assert_allclose(furrowed[:, : middle - 48], whole[:, : middle - 48], atol=1.0)


def test_an_amoeboid_cell_of_no_lobes_is_a_ball_and_lobes_are_its_own():
    round_ = {"semi_major_um": 7.5, "semi_minor_um": 7.5, "height_nm": 300.0}
    ball, lobed = opd("round", **round_), opd("amoeboid", **round_, lobe_3=0.2, phase_3=0.0)
    np.testing.assert_allclose(opd("amoeboid", **round_, flank=0.5), ball, atol=1e-3)
    assert opd("amoeboid", **round_, flank=1.0).sum() < 0.8 * ball.sum()
    assert (lobed[ball == 0] > 0).sum() * STEP**2 > 5
    assert (ball[lobed == 0] > 0).sum() * STEP**2 > 5


def test_a_rod_is_a_cylinder_between_two_half_balls():
    found = opd("rod", semi_major_um=12.0, semi_minor_um=4.0, height_nm=200.0)
    middle, ends = 200 * np.pi / 4 * 8 * 16, 2 / 3 * 200 * np.pi * 16
    assert found.sum() * STEP**2 == pytest.approx(middle + ends, rel=5e-3)


def test_a_red_cell_is_thinner_in_its_middle():
    _, found, axis = layers("red_cell", semi_major_um=3.9, semi_minor_um=3.9, angle_rad=0.0)
    row = found.body[0, len(axis) // 2].numpy()
    assert row.max() == pytest.approx(1.0, abs=0.01)
    assert 0.2 < row[len(axis) // 2] < 0.5
    assert 2.2 < abs(float(axis[int(row.argmax())])) < 3.2


def test_every_kind_ends_within_its_outline():
    for kind in SHAPES:
        cell, found, _ = layers(kind, semi_major_um=8.0, semi_minor_um=6.0, apart_um=9.0)
        assert float(found.opd_nm(cell)[found.radius > 1.65].max()) < 0.05, kind
        assert float(found.radius.min()) < 0.1


def test_shapes_kept_for_tests_and_tuning_are_named_in_one_place():
    assert {"doublet", "anaphase", "red_cell", "measured"} == TEST_ONLY
    assert {"amoeboid", "rod"} == TUNE_ONLY
    assert adherent is SHAPES["epithelial"]
