import numpy as np
import pandas as pd
import pytest

from lensfree_nb.dashboards.selection import checked_frame_number, is_whole
from lensfree_nb.errors import ParameterError
from lensfree_nb.run.tables import cells_of_frame


def test_cut_and_untrusted_cells_do_not_count():
    cells = pd.DataFrame({"edge": [False, True, False], "trusted": [True, True, False]})
    assert is_whole(cells).tolist() == [True, False, False]
    assert is_whole(cells.astype(object)).tolist() == [True, False, False]
    assert is_whole(cells[["edge"]]).tolist() == [True, False, True]
    assert is_whole(cells.drop(columns=["edge", "trusted"])).all()


def test_a_frame_keeps_its_cells_when_it_is_cut_out(holograms):
    times = holograms["time"].values
    table = pd.DataFrame(
        {
            "time": times[[0, 1, 1]],
            "frame": [0, 1, 1],
            "y_um": [50.0, 50.0, 300.0],
            "x_um": [60.0, 70.0, 80.0],
        }
    )
    second = holograms.isel(time=[1])
    assert cells_of_frame(second, table, 0)["x_um"].tolist() == [70.0, 80.0]
    assert cells_of_frame(second.isel(time=0), table, 0)["x_um"].tolist() == [70.0, 80.0]
    lower = second.isel(y=slice(100, None))
    assert cells_of_frame(lower, table, 0)["x_um"].tolist() == [80.0]
    untimed = table.assign(time=np.datetime64("NaT", "ns"))
    assert cells_of_frame(second, untimed, 0)["x_um"].tolist() == [60.0]


@pytest.mark.parametrize("time", [2, -1, 0.5, None])
def test_a_frame_that_is_not_there(holograms, time):
    with pytest.raises(ParameterError, match="0 to 1"):
        checked_frame_number(holograms, time)
