import numpy as np
import pytest

from lensfree_nb.errors import ParameterError
from lensfree_nb.simulate.culture import CULTURE_SEED, culture, load_culture, measure_truth, render
from tests import seeds

# Allier 2022, table 1: the range over its four densities of each mean and standard deviation.
PAPER = {
    "area_um2": ((585, 674), (158, 176)),
    "dry_mass_pg": ((185, 209), (45, 56)),
    "max_opd_nm": ((75, 79), (16, 21)),
    "major_axis_um": ((40, 43), (9, 11)),
}


@pytest.mark.parametrize("metric", PAPER)
def test_population_is_near_the_paper(metric):
    values = load_culture("adherent_183")[metric]
    for found, (low, high) in zip((values.mean(), values.std()), PAPER[metric], strict=True):
        assert 0.9 * low <= found <= 1.1 * high


def test_committed_culture_keeps_its_distance_and_height():
    table = load_culture("adherent_183")
    assert table["max_opd_nm"].max() <= 160
    points = table[["y_um", "x_um"]].to_numpy()
    apart = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    assert apart[~np.eye(len(points), dtype=bool)].min() >= 25.0 - 1e-3


@pytest.mark.parametrize(
    ("name", "spacing"), [("adherent_183", 25.0), ("adherent_183_random", None)]
)
def test_committed_cultures_are_what_their_call_makes(name, spacing):
    made = culture((1024, 1024), rng=np.random.default_rng(CULTURE_SEED), spacing_um=spacing)
    kept = load_culture(name)
    numbers = made.select_dtypes("number").columns
    np.testing.assert_allclose(kept[numbers], made[numbers], atol=1e-4)


def test_rendering_keeps_the_mass_and_needs_no_luck():
    table = culture((256, 256), 60, rng=np.random.default_rng(seeds.FRAMES))
    table = table.assign(y_um=table["y_um"] + 100, x_um=table["x_um"] + 100)
    first, second = (render(table, (380, 380), 1.67) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    mass = first.sum(dtype=float) * 1e-3 * 1.67**2 / 0.18
    assert mass == pytest.approx(table["dry_mass_pg"].sum(), rel=0.005)


def test_rounded_cells_are_between_their_mass_and_twice():
    flat = culture((512, 512), rng=np.random.default_rng(seeds.SHAPES))
    round_ = culture((512, 512), rng=np.random.default_rng(seeds.SHAPES), round_fraction=1.0)
    growth = round_["dry_mass_pg"] / flat["dry_mass_pg"]
    assert growth.between(0.97, 2.03).all()
    assert growth.mean() == pytest.approx(1.5, abs=0.1)
    assert round_["max_opd_nm"].between(295, 600).all()
    # A sphere of 7.5 um that holds 195 pg has 300 nm at its centre, and grows at that radius.
    np.testing.assert_allclose(round_["max_opd_nm"], 300 * growth, rtol=0.03)
    typical = 7.5 * np.sqrt(flat["dry_mass_pg"] / 195)
    np.testing.assert_allclose(round_["semi_major_um"], typical, rtol=0.01)
    sphere = measure_truth(round_).iloc[0]
    radius = round_["semi_major_um"].iloc[0]
    assert sphere["major_axis_um"] == pytest.approx(2 * radius * np.sqrt(0.96), rel=0.03)


def test_impossible_cultures():
    with pytest.raises(ParameterError, match="do not fit"):
        culture((64, 64), 5000, rng=np.random.default_rng(seeds.PIXELS))
    with pytest.raises(ParameterError, match="adherent_183"):
        load_culture("hela")
