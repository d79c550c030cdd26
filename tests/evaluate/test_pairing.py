import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from lensfree_nb.errors import DimensionError, ParameterError, QualityWarning
from lensfree_nb.evaluate.pairing import pair


def table(points, **columns):
    return pd.DataFrame({"y_um": np.array(points)[:, 0], "x_um": np.array(points)[:, 1], **columns})


def test_pairing_is_optimal_not_greedy():
    # Greedy would take the 4 µm pair and leave a 12 µm one unpaired.
    found = pair(table([[0, 0], [0, 6]]), table([[0, 4], [0, -8]]), 10)
    assert found.precision == found.recall == 1.0
    assert dict(zip(found.estimated, found.reference, strict=True)) == {0: 1, 1: 0}


def test_pairs_never_cross_frames_or_ten_micrometres():
    a = table([[0, 0], [0, 0]], frame=[0, 1])
    b = table([[0, 10.5], [0, 9.5]], frame=[0, 1])
    found = pair(a, b)
    assert list(found.estimated) == [1]
    empty = pair(a.iloc[:0], b)
    assert np.isnan(empty.precision)
    assert empty.recall == 0


def test_a_table_without_frames_is_of_the_only_one():
    assert pair(table([[0, 0]], frame=[7]), table([[0, 1]])).reference.tolist() == [0]
    several = table([[0, 0], [0, 0]], frame=[0, 1])
    for tables in ((several, table([[0, 0]])), (table([[0, 0]]), several)):
        with pytest.raises(DimensionError, match="holds several frames"):
            pair(*tables)


def test_against_the_dense_optimum_on_crowded_points():
    rng = np.random.default_rng(61)
    a, b = rng.uniform(0, 200, (120, 2)), rng.uniform(0, 200, (110, 2))
    b[:3] = a[:3]
    found = pair(table(a), table(b), 10.0)
    apart = cdist(a, b)
    cost = np.where(apart <= 10, apart, 1e6)
    i, j = linear_sum_assignment(cost)
    allowed = apart[i, j] <= 10
    assert len(found.estimated) == allowed.sum()
    assert apart[found.estimated, found.reference].sum() == pytest.approx(
        apart[i, j][allowed].sum()
    )
    assert len(set(found.estimated)) == len(set(found.reference)) == len(found.estimated)


def test_ten_thousand_cells_are_paired_with_themselves():
    points = np.random.default_rng(62).uniform(0, 6000, (10_000, 2))
    shuffled = np.random.default_rng(63).permutation(10_000)
    found = pair(table(points[shuffled]), table(points + 0.01))
    assert (shuffled[found.estimated] == found.reference).mean() > 0.999
    assert found.recall == 1.0


def test_frames_go_by_their_time_where_both_tables_tell_it():
    early, late = np.array(["2024-05-01T10:00", "2024-05-01T10:10"], "M8[ns]")
    all_frames = pd.DataFrame(
        {"time": [early, late], "frame": [0, 1], "y_um": [10.0, 10.0], "x_um": [5.0, 5.0]}
    )
    cut_out = all_frames.iloc[[1]].assign(frame=0)
    assert pair(cut_out, all_frames).reference.tolist() == [1]
    elsewhere = cut_out.assign(time=late + np.timedelta64(1, "D"))
    assert pair(elsewhere, all_frames).reference.tolist() == [0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, "there"])
def test_cells_that_lie_nowhere_are_refused_by_name(bad):
    good = pd.DataFrame({"y_um": [0.0, 1.0], "x_um": [0.0, 1.0]})
    lost = good.astype(object)
    lost.loc[1, "y_um"] = bad
    for tables in ((good, lost), (lost, good)):
        with pytest.raises(DimensionError, match="y_um"):
            pair(*tables)


@pytest.mark.parametrize("distance", [0, -1.0, np.nan, "10"])
def test_a_distance_must_be_above_0(distance):
    good = pd.DataFrame({"y_um": [0.0], "x_um": [0.0]})
    with pytest.raises(ParameterError, match="max_distance_um"):
        pair(good, good, distance)


def test_frames_that_do_not_meet_are_told():
    table = pd.DataFrame({"frame": [0, 0], "y_um": [0.0, 9.0], "x_um": 0.0})
    with pytest.warns(QualityWarning, match=r"\(0.0\).*\(5.0\)"):
        assert pair(table, table.assign(frame=5)).precision == 0
    with pytest.raises(DimensionError, match="no numbers"):
        pair(table, table.assign(frame=["first", "second"]))


def test_times_must_be_moments():
    good = pd.DataFrame({"y_um": [0.0], "x_um": [0.0], "time": ["late"]})
    with pytest.raises(DimensionError, match="no moments"):
        pair(good, good)


def test_a_frame_that_is_not_known_is_told():
    cells = pd.DataFrame({"frame": [0, 1], "y_um": 1.0, "x_um": 1.0})
    with pytest.raises(DimensionError, match="frame is not known"):
        pair(cells, cells.assign(frame=[0.0, np.nan]))
