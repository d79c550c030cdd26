"""How changes are drawn and read, whatever the network."""

import numpy as np
import pytest
import xarray as xr

import lensfree_nb as lf
from lensfree_nb.contract import CHANGE_UNITS
from lensfree_nb.errors import DimensionError, ParameterError, QualityWarning
from lensfree_nb.quantify.channels import CHANGES
from tests import seeds
from tests.quantify.networks import rough_network

OPTIONS = {
    "kind": "folded", "features": 4, "depth": 2, "inputs": 2, "outputs": CHANGES.outputs,
    "task": "change", "metrics": list(CHANGES.metrics), "trained_on": {"pixel_size_um": 1.67},
}  # fmt: skip


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return rough_network(tmp_path_factory.mktemp("w") / "rough.safetensors", OPTIONS)


def lapse(minutes):
    rng = np.random.default_rng(seeds.NOISE)
    opd = rng.normal(0, 60, (len(minutes), 90, 110)).astype(np.float32)
    times = np.datetime64("2024-05-01", "ns") + np.array(minutes, "m8[m]").astype("m8[ns]")
    return lf.from_opd(opd, pixel_size_um=1.67, time=times)


def test_each_frame_but_the_last_tells_what_comes_next(network):
    ds = lapse([0, 10, 30])
    found = ds.lf.changes(network)
    assert found["representation"].dims == ("time", "metric", "y", "x")
    assert list(found["metric"].values) == list(CHANGE_UNITS)
    assert list(found["units"].values) == list(CHANGE_UNITS.values())
    assert (found["time"].values == ds["time"].values[:2]).all()
    table = found.lf.cells()
    assert set(table["frame"]) == {0, 1}
    assert table["area_um2"].isna().all()
    assert {*CHANGE_UNITS} <= {*table.columns}


def test_rates_are_by_the_hour_and_displacements_are_not(network):
    quick, slow = (lapse(minutes).lf.changes(network).lf.cells() for minutes in ([0, 10], [0, 60]))
    np.testing.assert_allclose(quick["growth_pg_per_h"], 6 * slow["growth_pg_per_h"], rtol=1e-5)
    np.testing.assert_allclose(
        quick["elongation_um_per_h_se"], 6 * slow["elongation_um_per_h_se"], rtol=1e-5
    )
    np.testing.assert_array_equal(quick["displacement_y_um"], slow["displacement_y_um"])


def test_lazy_is_the_same(network, no_compute):
    ds = lapse([0, 10, 30])
    with no_compute():
        lazy = ds.chunk(time=1).lf.changes(network)
    xr.testing.assert_identical(lazy.compute(), ds.lf.changes(network))


def test_a_frame_that_is_not_trusted_spoils_what_leads_to_it(network):
    ds = lapse([0, 10, 20, 30]).assign(trusted=("time", [True, True, False, True]))
    table = ds.lf.changes(network).lf.cells()
    assert set(table["frame"]) == {0, 1, 2}
    assert (table["trusted"] == (table["frame"] == 0)).all()
    unknown = ds.assign(trusted=("time", [1.0, 1.0, np.nan, 1.0])).lf.changes(network).lf.cells()
    assert (unknown["trusted"] == (unknown["frame"] == 0)).all()
    doubtful = lapse([0, 10]).assign(trusted=(("y", "x"), np.zeros_like(ds["opd"][0], bool)))
    table = doubtful.lf.changes(network).lf.cells()
    assert len(table)
    assert not table["trusted"].any()


def test_what_has_no_next_frame(network):
    with pytest.raises(DimensionError, match="two frames"):
        lapse([0]).lf.changes(network)
    with pytest.raises(DimensionError, match="does not rise"):
        lapse([0, 10, 10]).lf.changes(network)
    with pytest.raises(ParameterError, match="needed is one for change"):
        lapse([0, 10]).lf.changes("accelerate")


def test_times_must_be_dates(network):
    with pytest.raises(DimensionError, match="no dates"):
        lapse([0, 10]).assign_coords(time=[0, 1]).lf.changes(network)


def test_a_cell_that_is_gone_is_not_trusted():
    yy, xx = np.mgrid[:200, :200].astype(float)
    cells = [
        90 * np.clip(1 - (np.hypot(yy - y, xx - x) / 11) ** 2, 0, None)
        for y in range(30, 200, 35) for x in range(30, 200, 35)
    ]  # fmt: skip
    before, after = sum(cells), sum(cells[: len(cells) // 2])
    times = np.array(["2024-05-01T00:00", "2024-05-01T00:10"], "M8[ns]")
    ds = lf.from_opd(np.stack([before, after]), pixel_size_um=1.67, time=times)
    table = ds.lf.changes().lf.cells()
    y, x = (table[["y_um", "x_um"]].to_numpy() / 1.67).round().astype(int).T
    stays = after[y, x] > 0
    assert stays.sum() > 8 < (~stays).sum()
    assert table["trusted"][stays].mean() > 0.9
    assert not table["trusted"][~stays].any()


@pytest.mark.parametrize("off", [0, 1])
def test_either_frame_may_be_off_its_level(network, off):
    ds = lapse([0, 10])
    raised = ds["opd"].copy()
    raised[off] += 300.0
    with pytest.warns(QualityWarning, match="does not begin at 0"):
        assert not ds.assign(opd=raised).lf.changes(network).lf.cells()["trusted"].any()
