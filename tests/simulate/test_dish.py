import numpy as np
import pandas as pd
import pytest

from lensfree_nb.errors import ParameterError
from lensfree_nb.simulate.dish import culture, load_culture, with_debris
from lensfree_nb.simulate.population import PAPER, round_rows
from lensfree_nb.simulate.shapes import SHAPES
from tests import seeds

METRICS = ("area_um2", "dry_mass_pg", "max_opd_nm", "major_axis_um")


def rng(seed=seeds.SHAPES):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("density", PAPER)
def test_population_is_that_of_the_paper(density):
    cells = culture((900, 900), density, rng=rng())
    for metric, (mean, sd) in zip(METRICS, PAPER[density], strict=True):
        assert cells[metric].mean() == pytest.approx(mean, rel=0.1), metric
        assert cells[metric].std() == pytest.approx(sd, rel=0.2), metric  # few hundred cells


@pytest.mark.parametrize("name", ["adherent_183", "adherent_183_random"])
def test_fixed_cultures_keep_their_numbers(name):
    table = load_culture(name)
    assert len(table) == 535
    assert table["max_opd_nm"].max() <= 160
    points = table[["y_um", "x_um"]].to_numpy()
    apart = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    nearest = apart[~np.eye(len(points), dtype=bool)].min()
    assert (nearest >= 25.0 - 1e-3) == (name == "adherent_183")


def test_the_same_seed_gives_the_same_culture_and_another_another():
    first, second = (culture((300, 300), rng=rng()) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    assert not np.allclose(first["y_um"], culture((300, 300), rng=rng(9))["y_um"])


def test_contact_parts_neighbours_and_keeps_their_mass():
    free, parted = (
        culture((300, 300), 900, rng=rng(), contact=contact, spacing_um=18.0, piled=0.0)
        for contact in (0.0, 1.0)
    )
    assert (parted["area_um2"] <= free["area_um2"] + 1).all()
    assert parted["area_um2"].sum() < 0.97 * free["area_um2"].sum()
    ratio = parted["dry_mass_pg"] / free["dry_mass_pg"]
    assert ratio.median() == pytest.approx(1, abs=1e-3)
    assert ratio.max() < 1.001
    assert (ratio > 0.7).mean() > 0.97


def test_kinds_and_debris():
    shares = {"round": 0.2, "doublet": 0.1, "anaphase": 0.1, "epithelial": 0.3, "red_cell": 0.1}
    cells = with_debris(culture((600, 600), rng=rng(), kinds=shares), (600, 600), 50, rng=rng())
    counts = cells["kind"].value_counts()
    assert set(counts.index) <= set(SHAPES)
    assert counts["round"] == pytest.approx(0.2 * 184, rel=0.4)
    assert counts["debris"] == 50
    assert cells[list(METRICS)].gt(0).all().all()
    assert cells.loc[cells["kind"] == "debris", "area_um2"].max() < 15


def test_rounding_up_keeps_the_mass():
    mass = np.linspace(150, 500, 200)
    cells = round_rows(mass, rng())
    held = 2 / 3 * np.pi * cells["semi_major_um"] ** 2 * cells["height_nm"] * 1e-3 / 0.18
    np.testing.assert_allclose(held, mass, rtol=1e-9)
    assert cells["height_nm"].between(200, 1000).all()
    assert cells["height_nm"].between(250, 700).mean() > 0.9


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"density_per_mm2": 5000}, "do not fit"),
        ({"kinds": {"hela": 0.5}}, "hela"),
        ({"kinds": {"round": 0.7, "doublet": 0.5}}, r"adds up to 1\.2"),
        ({"contact": 2.0}, "contact is 2"),
        ({"piled": -0.1}, "piled"),
    ],
)
def test_impossible_cultures(options, words):
    with pytest.raises(ParameterError, match=words):
        culture((64, 64), **{"density_per_mm2": 183, **options}, rng=rng())


def test_an_empty_culture_has_the_columns():
    empty = culture((16, 16), 0.0, rng=rng())
    assert len(empty) == 0
    assert set(METRICS) <= set(empty)


def test_an_unknown_fixed_culture():
    with pytest.raises(ParameterError, match="adherent_183"):
        load_culture("hela")
