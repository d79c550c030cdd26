import numpy as np
import pandas as pd
import pytest
from scipy.spatial import cKDTree

from lensfree_nb.errors import ParameterError
from lensfree_nb.simulate.appearance import appearance
from lensfree_nb.simulate.dish import culture
from lensfree_nb.simulate.life import Habits, history
from tests import seeds

SIZE = (900.0, 1000.0)
HABITS = Habits(doubling_h=12.0, death_per_day=0.0)


def founders(density=80.0):
    return culture((539, 599), density, rng=np.random.default_rng(seeds.CELLS))


@pytest.fixture(scope="module")
def days():
    """Two days, a frame every 20 minutes."""
    cells = founders()
    return cells, history(cells, SIZE, 145, 20.0, HABITS, np.random.default_rng(seeds.NOISE))


def test_the_culture_doubles_in_its_time_and_stops_when_crowded(days):
    life = days[1]
    counts = np.array([len(track) for track, _ in life.alive])
    assert len(life) == 145
    assert counts[36] / counts[0] == pytest.approx(2.0, rel=0.15)
    crowded = founders(900.0)
    later = history(crowded, SIZE, 145, 20.0, HABITS, np.random.default_rng(seeds.NOISE))
    assert len(later.at(144).track) < 1.5 * len(crowded)


def test_lineages_are_whole(days):
    _, life = days
    parents = life.parent[life.parent >= 0]
    assert (np.bincount(parents)[np.unique(parents)] == 2).all()  # two daughters, or none
    ended = set(range(len(life.parent))) - set(life.alive[-1][0].tolist())
    assert set(parents.tolist()) == ended
    for frame in (0, 50, 144):
        assert len(np.unique(life.at(frame).track)) == len(life.at(frame).track)


def test_cells_walk_and_stay_in_the_field(days):
    _, life = days
    now, then = life.at(0), life.at(3)
    _, first, second = np.intersect1d(now.track, then.track, return_indices=True)
    path = np.hypot(now.y_um[first] - then.y_um[second], now.x_um[first] - then.x_um[second])
    assert 2 < np.median(path) < 14  # within an hour, at 12 um/h
    last = life.at(144)
    assert last.y_um.min() >= 0
    assert last.x_um.max() <= SIZE[1]


def test_mass_grows_and_is_shared(days):
    cells, life = days
    young, old = (life.at(f).mass.mean() for f in (0, 144))
    assert young == pytest.approx(1.0)
    assert 0.6 < old < 1.4
    first = appearance(life.at(0), cells, HABITS)
    flat = first["kind"].to_numpy() == "adherent"
    np.testing.assert_allclose(first["dry_mass_pg"][flat], cells["dry_mass_pg"][flat], rtol=0.05)


def test_cells_round_up_to_divide(days):
    cells, life = days
    table = appearance(life.at(60), cells, HABITS)
    share = (table["kind"] == "round").mean()
    # Round for 0.8 h before and 0.4 h after division, of 12 h: a tenth of them.
    assert 0.03 < share < 0.25
    balls = table[table["kind"] == "round"]
    assert balls["max_opd_nm"].median() > 2 * table["max_opd_nm"].median()
    assert {"track", "parent", "age"} <= set(table)


def test_the_dying_shrink_and_are_gone():
    deadly = Habits(death_per_day=5.0, doubling_h=100.0)
    cells = founders()
    life = history(cells, SIZE, 40, 20.0, deadly, np.random.default_rng(seeds.NOISE))
    assert len(life.at(39).track) < 0.3 * len(cells)
    moment = life.at(9)
    table = appearance(moment, cells, deadly)
    assert (table["kind"][moment.dying > 0] == "round").all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"doubling_h": 0.0}, "doubling_h is 0"),
        ({"speed_um_per_h": -1.0}, "speed_um_per_h"),
        ({"rounding_h": 15.0}, "well below"),
    ],
)
def test_impossible_habits(options, words):
    with pytest.raises(ParameterError, match=words):
        Habits(**options)


def test_mass_is_kept_from_frame_to_frame_and_through_division(days):
    cells, life = days
    tables = [appearance(life.at(f), cells, HABITS).assign(frame=f) for f in range(45)]
    table = pd.concat(tables).sort_values(["track", "frame"])
    mass = table.groupby("track")["dry_mass_pg"]
    step = mass.pct_change().dropna()
    # 2^(1/36) a frame of 20 minutes, and up to two fifths faster or slower.
    assert step.median() == pytest.approx(2 ** (1 / 36) - 1, rel=0.1)
    assert (step.abs() < 0.05).mean() > 0.98
    first, last = mass.first(), mass.last()
    born = table.groupby("track").first()
    daughters = first[born["parent"] >= 0].groupby(born["parent"]).sum()
    mothers = last[daughters.index]
    assert len(daughters) > 20
    assert ((daughters / mothers).between(0.97, 1.08)).mean() > 0.95


def test_life_does_not_depend_on_how_often_it_is_looked_at():
    cells, still = founders(40.0), Habits(death_per_day=0.0, doubling_h=1000.0)
    spread = []
    for interval in (15.0, 240.0):
        frames = round(24 * 60 / interval) + 1
        life = history(cells, SIZE, frames, interval, still, np.random.default_rng(seeds.NOISE))
        first, last = life.at(0), life.at(frames - 1)
        spread.append(np.hypot(last.y_um - first.y_um, last.x_um - first.x_um))
    np.testing.assert_allclose(*spread, rtol=1e-3, atol=0.1)


def test_neighbours_keep_apart(days):
    life = days[1]
    for frame in (30, 100, 144):
        now = life.at(frame)
        places = np.stack([now.y_um, now.x_um], 1)
        nearest = cKDTree(places).query(places, k=2)[0][:, 1]
        assert np.percentile(nearest, 5) > 12
        assert nearest.min() > 5


def test_who_is_dividing_finishes_however_crowded_it_is():
    cells = founders(900.0)
    life = history(cells, SIZE, 145, 20.0, HABITS, np.random.default_rng(seeds.NOISE))
    table = appearance(life.at(144), cells, HABITS)
    assert (table["kind"] == "round").mean() < 0.02


def test_the_dying_shrink():
    deadly = Habits(death_per_day=2.0, doubling_h=100.0)
    cells = founders()
    life = history(cells, SIZE, 20, 20.0, deadly, np.random.default_rng(seeds.NOISE))
    tables = [appearance(life.at(f), cells, deadly).assign(dying=life.at(f).dying) for f in (8, 12)]
    before, after = (table.set_index("track") for table in tables)
    both = before.index.intersection(after.index)
    ill = both[(before["dying"][both] > 0) & (after["dying"][both] > 0.4)]
    assert len(ill) > 3
    assert (after["dry_mass_pg"][ill] < 0.9 * before["dry_mass_pg"][ill]).all()
