import numpy as np
import pytest

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
