from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from lensfree_nb.errors import DistanceError, ParameterError
from lensfree_nb.simulate import CONDITIONS, OBJECTIVES, Camera, focus_stack
from lensfree_nb.simulate.focus_stack import DEFOCUS_UM
from tests.seeds import CELLS, NOISE

SHAPE = (96, 112)


def stack(condition=CONDITIONS[0], defocus_um=(0.0, 15.0), seed=NOISE, **options):
    cells = condition.cells(SHAPE, rng=np.random.default_rng(CELLS))
    chosen = {"objective": condition.objective, "surface": condition.substrate, **options}
    return focus_stack(cells, SHAPE, defocus_um, rng=np.random.default_rng(seed), **chosen)


def sharpness(image):
    return float(np.hypot(*np.gradient(np.asarray(image, float))).mean())


def test_a_stack_says_where_it_is_and_what_is_true():
    ds = stack(defocus_um=(-15.0, 0.0, 15.0))
    assert ds["image"].dims == ("position", "channel", "y", "x")
    assert ds["image"].shape == (3, 1, *SHAPE)
    np.testing.assert_array_equal(ds["simulated_defocus"], [-15.0, 0.0, 15.0])
    assert ds["simulated_defocus"].attrs["units"] == ds["y"].attrs["units"] == "um"
    assert ds.attrs["pixel_size_um"] == float(ds["y"][1]) == 0.74
    assert ds["truth_opd"].attrs["units"] == "nm"
    focused, recorded = ds["truth_image"][0].values, ds["image"][1, 0].values
    assert np.corrcoef(focused.ravel(), recorded.ravel())[0, 1] > 0.95
    camera = OBJECTIVES["10x/0.30"].camera
    level = recorded.mean() * camera.full_scale
    counts_noise = np.sqrt(level / camera.full_well_e * camera.full_scale)
    assert (recorded - focused).std() * camera.full_scale == pytest.approx(counts_noise, rel=0.25)


def test_brightfield_turns_cells_over_through_focus():
    objective = replace(OBJECTIVES["10x/0.30"].brightfield(), camera=Camera())
    ds = stack(CONDITIONS[6], (-15.0, 0.0, 15.0), objective=objective)
    before, within, after = (ds["image"][k, 0].values for k in range(3))
    assert np.corrcoef((before / within).ravel(), (after / within).ravel())[0, 1] < -0.5
    assert np.std(after / within) > 0.005
    assert ds.attrs["contrast"] == "brightfield"


def test_phase_contrast_is_sharpest_in_focus():
    ds = stack(CONDITIONS[-3], (-20.0, 0.0, 20.0))
    far, near, beyond = (sharpness(ds["image"][k, 0]) for k in range(3))
    assert near > far
    assert near > beyond


def test_the_same_seed_gives_the_same_bytes_and_another_does_not():
    first, again, other = stack(), stack(), stack(seed=NOISE + 1)
    assert first.identical(again)
    assert not np.array_equal(first["image"], other["image"])


def test_colour_sees_each_channel_in_its_own_light():
    ds = stack(objective=OBJECTIVES["10x/0.30"].in_colour(), defocus_um=(10.0,))
    assert list(ds["channel"].values) == ["red", "green", "blue"]
    red, green, blue = ds["truth_image"].values
    assert not np.allclose(red, blue, atol=0.01)
    assert np.corrcoef(red.ravel(), green.ravel())[0, 1] > 0.8


def test_there_are_eighteen_conditions_all_unlike_each_other():
    assert len(set(CONDITIONS)) == 18
    assert set(DEFOCUS_UM) == set(OBJECTIVES) == {c.objective for c in CONDITIONS}
    pictures = [stack(c, (0.0,))["truth_image"].values for c in CONDITIONS]
    assert all(not np.allclose(a, b, atol=0.01) for a, b in pairwise(pictures))
    assert all(np.isfinite(p).all() and p.std() > 0.01 for p in pictures)


def test_a_bare_surface_has_its_own_texture():
    none = CONDITIONS[0].cells(SHAPE, rng=np.random.default_rng(CELLS)).iloc[:0]
    rough = {}
    for surface in ("glass", "polystyrene", "pdms"):
        ds = focus_stack(none, SHAPE, (0.0,), rng=np.random.default_rng(NOISE), surface=surface)
        rough[surface] = float(ds["truth_surface"].std())
        assert not ds["truth_opd"].any()
    assert rough["glass"] < 1 < rough["polystyrene"] < rough["pdms"]


@pytest.mark.parametrize("planes", [(), (float("nan"),), (0.0, 500.0), (float("inf"),)])
def test_a_plane_must_be_within_reach(planes):
    with pytest.raises(DistanceError, match="defocus_um"):
        stack(defocus_um=planes)


def test_unknown_names_are_refused():
    with pytest.raises(ParameterError, match="polystyrene"):
        stack(surface="steel")
    with pytest.raises(ParameterError, match="objective"):
        stack(objective="100x")
