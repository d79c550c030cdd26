from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from lensfree_nb.run.tables import map_tables


@dataclass(frozen=True)
class Bright:
    """One row a pixel above a level; the second frame has none."""

    level: float

    def __call__(self, frame, *, index, time):
        y, x = np.nonzero(frame["opd"] > self.level)
        table = pd.DataFrame({"y": y, "x": x, "opd": frame["opd"][y, x]})
        return table.assign(frame=index, time=time).astype({"frame": "int64"})


@pytest.fixture
def frames():
    opd = np.random.default_rng(3).random((3, 40, 30)).astype(np.float32)
    opd[1] = 0
    times = np.array(["2024-01-01", "2024-01-02", "2024-01-03"], "M8[ns]")
    return xr.Dataset({"opd": (("time", "y", "x"), opd)}, coords={"time": times})


def tables(frames):
    kernel = Bright(0.9)
    meta = kernel({"opd": np.zeros((1, 1), np.float32)}, index=0, time=np.datetime64("NaT", "ns"))
    return map_tables(kernel, frames, meta=meta)


@pytest.mark.parametrize("chunks", [{"time": 1}, {"y": 13, "x": 7}, {"time": 2, "y": 20}])
def test_any_chunking_gives_the_same_table(frames, chunks, no_compute):
    expected = tables(frames)
    assert set(expected["frame"]) == {0, 2}
    assert len(expected) == int((frames["opd"] > 0.9).sum())
    with no_compute():
        lazy = tables(frames.chunk(chunks))
        again = tables(frames.chunk(chunks))
    assert lazy.npartitions == 3
    assert lazy._name == again._name
    assert dict(lazy.dtypes) == dict(expected.dtypes)
    pd.testing.assert_frame_equal(lazy.compute().reset_index(drop=True), expected)


def test_one_frame_without_time(frames):
    found = tables(frames.isel(time=0, drop=True))
    assert set(found["frame"]) == {0}
    assert found["time"].isna().all()
