import numpy as np
import pandas as pd
import pytest

from lensfree_nb.errors import DataError, QualityWarning
from lensfree_nb.evaluate.report import compare, scored


def table(points, **columns):
    return pd.DataFrame({"y_um": np.array(points)[:, 0], "x_um": np.array(points)[:, 1], **columns})


def test_compare_scores_whole_cells_only():
    truth = table([[0, 0], [0, 50], [0, 100], [0, 150]], area_um2=[10.0, 20, 30, 40])
    mine = truth.assign(area_um2=[99.0, 22, 33, 44], edge=[True, False, False, False])
    scores = compare(mine, truth)
    assert list(scores.index) == ["area_um2"]
    assert scores.loc["area_um2", "bias_percent"] == pytest.approx(10.0)
    assert scores.loc["area_um2", "n"] == 3
    assert compare(mine, truth, include_edge=True).loc["area_um2", "n"] == 4


def test_a_piece_cut_by_the_border_costs_no_precision():
    truth = table([[0, 0], [0, 50]], area_um2=[10.0, 20])
    pieces = table([[0, 0], [0, 50], [90, 90]], area_um2=[10.0, 20, 3], edge=[False, False, True])

    def precision(cells, **chosen):
        return compare(cells, truth, **chosen).loc["area_um2", "precision"]

    assert precision(pieces) == 1
    assert precision(pieces, include_edge=True) == pytest.approx(2 / 3)
    assert precision(pieces.assign(edge=False)) == pytest.approx(2 / 3)


def test_a_reference_that_measures_what_no_cell_can_is_refused():
    truth = table([[0, 0], [0, 50]], area_um2=[10.0, 20])
    with pytest.raises(DataError, match="1 values of area_um2"):
        compare(truth, truth.assign(area_um2=[10.0, 0.0]))
    with pytest.raises(DataError, match="no number"):
        compare(truth, truth.assign(area_um2=["small", "large"]))
    with pytest.warns(QualityWarning, match="has none of the columns area_um2"):
        compare(truth, table([[0, 0], [0, 50]], area=[10.0, 20]))


def test_edge_that_is_known_of_no_cell_leaves_none_out():
    cells = pd.DataFrame({"y_um": [5.0, 50.0], "x_um": 5.0, "edge": np.nan})
    assert scored(cells, include_edge=False).all()
    assert scored(cells.iloc[:0], include_edge=False).shape == (0,)


@pytest.mark.parametrize("told", [[True, None, False], ["soft", "soft", "hard"], [0.1, 0.2, 0.3]])
def test_edge_is_true_or_false_or_not_known(told):
    cells = pd.DataFrame({"y_um": [5.0, 50.0, 90.0], "x_um": 5.0, "area_um2": 100.0})
    if told[1] is None:
        # What is not known is no reason to leave a cell out.
        assert scored(cells.assign(edge=told), include_edge=False).tolist() == [False, True, True]
        return
    with pytest.raises(DataError, match="edge holds"):
        scored(cells.assign(edge=told), include_edge=False)


def test_measurements_that_are_words_are_told_of_either_table():
    good = table([[0, 0], [0, 50]], area_um2=[10.0, 20.0])
    bad = good.assign(area_um2=["10", "large"])
    for mine, theirs, whose in ((bad, good, "the cells"), (good, bad, "the reference")):
        with pytest.raises(DataError, match=f"area_um2 of {whose}"):
            compare(mine, theirs)
