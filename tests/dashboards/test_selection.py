import pandas as pd

from lensfree_nb.dashboards.selection import is_whole


def test_cut_and_untrusted_cells_do_not_count():
    cells = pd.DataFrame({"edge": [False, True, False], "trusted": [True, True, False]})
    assert is_whole(cells).tolist() == [True, False, False]
    assert is_whole(cells.astype(object)).tolist() == [True, False, False]
    assert is_whole(cells[["edge"]]).tolist() == [True, False, True]
    assert is_whole(cells.drop(columns=["edge", "trusted"])).all()
