import numpy as np
import pandas as pd
import pytest
import torch

import lensfree_nb as lf
from lensfree_nb.contract import hologram_of
from lensfree_nb.errors import ParameterError
from lensfree_nb.simulate.lapse import START, timelapse
from tests import seeds

OPTIONS = {"seed": seeds.CELLS, "frames": 30, "density_per_mm2": 150, "instrument": "plain"}


@pytest.fixture(scope="module")
def film():
    return timelapse((72, 80), faults={3: "missing", 7: "torn"}, **OPTIONS)


def test_nothing_is_computed_before_it_is_asked_for(no_compute):
    with no_compute():
        ds, truth = lf.simulate.timelapse((2748, 3840), seed=1, frames=720)
    assert hologram_of(ds).chunksizes["time"] == (1,) * 720
    assert ds["hologram"].dtype == np.uint16
    assert truth.npartitions == 720
    assert ds["time"].values[6] - START == np.timedelta64(1, "h")


def test_a_frame_alone_is_that_of_the_whole_run(film):
    ds, truth = film
    alone = ds["hologram"][20].compute().values
    run = ds.isel(time=slice(18, 22)).compute()["hologram"].values
    assert alone.tobytes() == run[2].tobytes()
    assert alone.tobytes() != run[1].tobytes()
    table = truth.partitions[20].compute()
    assert (table["frame"] == 20).all()
    assert (table["time"] == ds["time"].values[20]).all()
    again = timelapse((72, 80), **OPTIONS)[1].partitions[20].compute()
    pd.testing.assert_frame_equal(table, again)


def test_the_truth_lies_under_the_table(film):
    ds, truth = film
    table = truth.partitions[12].compute()
    opd = ds["truth_opd"][12].compute().values
    assert truth.columns.tolist() == table.columns.tolist()
    seen = table.query("3 < y_um < 115 and 3 < x_um < 128")
    rows, columns = (np.round(seen[c] / 1.67).astype(int) for c in ("y_um", "x_um"))
    assert (opd[rows, columns] > 10).mean() > 0.9


def test_faults(film):
    ds, _ = film
    frames = ds["hologram"][2:8].compute().values
    assert np.isnan(frames[1]).all()
    assert np.isfinite(frames[[0, 2, 3, 4, 5]]).all()
    torn = [(frames[5][0, row] == frames[4][0, row]).all() for row in range(72)]
    assert torn[-1]
    assert not torn[0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"frames": 0}, "frames is 0"),
        ({"interval_min": 0.0}, "interval_min 0"),
        ({"faults": {99: "missing"}}, "0 to 29"),
        ({"faults": {1: "lost"}}, "lost"),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(ParameterError, match=words):
        timelapse((64, 64), **{**OPTIONS, **options})


def test_the_number_of_threads_changes_nothing(film):
    before = torch.get_num_threads()
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        alone = film[0]["hologram"][25].compute(scheduler="synchronous").values
        found.append(alone.tobytes())
    torch.set_num_threads(before)
    assert found[0] == found[1]
