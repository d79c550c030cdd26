import numpy as np
import pytest

from lensfree_nb.quantify.segment import Settings, background_of, scene_of, segment_scene

PITCH = 1.67


def test_a_plateau_is_one_cell(measured):
    opd = np.zeros((80, 80))
    opd[30:42, 30:42] = 60.0
    labels, table = measured(opd)
    assert labels.max() == 1
    assert table["area_um2"][0] == pytest.approx(144 * PITCH**2)


def test_background_and_noise_are_found_under_crowded_cells():
    rng = np.random.default_rng(6)
    opd = rng.normal(20.0, 3.0, (300, 300))
    opd[:, :120] += 70.0
    level, noise = background_of(opd)
    assert level == pytest.approx(20.0, abs=1.0)
    assert noise == pytest.approx(3.0, rel=0.2)


def test_a_window_of_a_scene_is_divided_like_the_whole(dome):
    rng = np.random.default_rng(5)
    opd = rng.normal(3.0, 1.0, (300, 320))
    for y, x in rng.uniform(20, 280, (40, 2)):
        opd += dome(opd.shape, y, x, 10, 6, 80.0, rng.uniform(0, 3))
    scene = scene_of(opd, PITCH, Settings())
    whole = segment_scene(scene)
    part = scene.window((slice(60, 260), slice(80, 300)))
    window = segment_scene(part)
    inner, same = window[60:140, 60:160], whole[120:200, 140:240]
    assert ((inner > 0) == (same > 0)).all()
    pairs = np.unique(np.stack([inner.ravel(), same.ravel()]), axis=1)
    assert pairs.shape[1] == len(np.unique(inner)) == len(np.unique(same))
