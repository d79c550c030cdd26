import numpy as np
import pytest
from _mie import gap

from lensfree_nb.errors import ParameterError
from lensfree_nb.simulate.acquisition import acquire
from lensfree_nb.simulate.instrument import PRESETS
from lensfree_nb.simulate.standards import bar_target, microspheres, step
from tests import seeds


def rng():
    return np.random.default_rng(seeds.SHAPES)


def test_microspheres_have_the_opd_and_mass_of_spheres():
    beads = microspheres((300, 300), 10.0, 1.46, rng=rng(), medium_index=1.333, count=5)
    np.testing.assert_allclose(beads["max_opd_nm"], 0.127 * 10e3, rtol=1e-3)
    volume_um3 = np.pi / 6 * 10.0**3
    np.testing.assert_allclose(beads["dry_mass_pg"], volume_um3 * 0.127 / 0.18, rtol=2e-3)
    np.testing.assert_allclose(beads["area_um2"], np.pi * 25 * 0.96, rtol=0.01)


def test_a_step_is_sharp_turned_and_of_its_height():
    edge = step((64, 80), 50.0, angle_rad=0.2, oversampling=4)
    assert edge.shape == (256, 320)
    assert (edge.min(), edge.max()) == (0.0, 50.0)
    crossing = (edge < 25).sum(axis=1)
    slope = np.polyfit(np.arange(256), crossing, 1)[0]
    assert slope == pytest.approx(-np.tan(0.2), rel=0.02)
    between = (edge > 0) & (edge < 50)
    assert between.sum(axis=1).max() <= 2


def test_bars_have_their_widths_and_places():
    target, groups = bar_target((200, 160), 80.0)
    assert target.max() == pytest.approx(80.0)
    assert len(groups) == 10
    first = groups.iloc[0]
    row = target[round((first["y_um"] / 1.67 + 0.5) * 2)] / 80.0
    assert row.sum() * 1.67 / 2 == pytest.approx(3 * first["width_um"] + 5 * 8.0, rel=0.02)
    total_um2 = sum(2 * 3 * w * 5 * w for w in (8.0, 5.6, 4.0, 2.8, 2.0))
    assert (target / 80.0).sum() * (1.67 / 2) ** 2 == pytest.approx(total_um2, rel=1e-4)


def test_standards_are_acquired():
    target, _ = bar_target((200, 160))
    ds = acquire(None, (200, 160), rng=rng(), instrument=PRESETS["ideal"], opd_nm=target)
    assert float(ds["hologram"].std()) > 0.05
    assert float(ds["truth_opd"].max()) == pytest.approx(100.0, rel=1e-5)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: microspheres((64, 64), -1.0, 1.5, rng=rng()), "diameter_um is -1"),
        (lambda: microspheres((64, 64), 5.0, 1.2, rng=rng()), "index is 1.2"),
        (lambda: microspheres((64, 64), 30.0, 1.5, rng=rng()), "do not fit"),
        (lambda: bar_target((64, 64)), "bars of"),
    ],
)
def test_impossible_standards(make, words):
    with pytest.raises(ParameterError, match=words):
        make()


@pytest.mark.parametrize(("index", "most"), [(1.375, 0.04), (1.46, 0.08)])
def test_a_small_sphere_is_nearly_that_of_mies_series(index, most):
    assert 0.005 < gap(3.0, index) < most
