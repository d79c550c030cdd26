"""How maps are made and read, whatever the network; what one is worth is measured elsewhere."""

import math

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from lensfree_nb.contract import METRIC_UNITS
from lensfree_nb.errors import (
    DimensionError,
    ModelError,
    ParameterError,
    QualityWarning,
)
from lensfree_nb.nets.registry import find_model
from lensfree_nb.quantify.channels import METRICS
from lensfree_nb.quantify.table import COLUMNS
from tests.quantify.networks import saved


def test_maps_have_names_units_and_a_history(ds, network):
    found = ds.lf.quantify(network.name)
    assert found["representation"].dims == ("time", "metric", "y", "x")
    assert found["representation_se"].dims == ("time", "metric", "y", "x")
    assert found["detection"].dims == ("time", "y", "x")
    assert list(found["metric"].values) == list(METRIC_UNITS)
    assert list(found["units"].values) == list(METRIC_UNITS.values())
    assert found["representation"].dtype == np.float32
    assert network.sha256 in found.attrs["provenance"]
    xr.testing.assert_identical(found["opd"], ds["opd"])


def test_the_table_reads_what_lies_on_the_discs(ds, network):
    found = ds.lf.quantify(network.name)
    table = found.lf.cells()
    assert list(table.columns[: len(COLUMNS)]) == list(COLUMNS)
    assert set(table.columns[len(COLUMNS) :]) == {f"{metric}_se" for metric in METRICS}
    assert set(table["method"]) == {"rough"}
    for frame, part in table.groupby("frame"):
        drawn = found["representation"].values[frame]
        on = (drawn[0] != 0).sum()
        # 29 pixels a disc; where discs compete, or at the border, fewer.
        assert 9 * len(part) < on <= 29 * len(part)
        for metric, image in zip(METRICS, drawn, strict=True):
            assert set(np.unique(part[metric].astype(np.float32))) <= set(np.unique(image))
            assert len(np.unique(image)) - 1 == part[metric].nunique()
    peaks = found["detection"].values
    at = np.rint(table[["y_um", "x_um"]].to_numpy() / 1.67).astype(int).clip(0, (149, 189))
    assert peaks[table["frame"], at[:, 0], at[:, 1]].min() > 0.4


@pytest.mark.parametrize("chunks", [{"time": 1}, {"time": 2, "y": 70, "x": 64}])
def test_any_chunking_gives_the_same_bytes(ds, network, chunks, no_compute):
    expected = ds.lf.quantify(network.name)
    with no_compute():
        lazy = ds.chunk(chunks).lf.quantify(network.name)
        cells = lazy.lf.cells()
    xr.testing.assert_identical(lazy.compute(), expected)
    found, right = cells.compute().reset_index(drop=True), expected.lf.cells()
    pd.testing.assert_frame_equal(found, right)
    assert cells.dtypes.to_dict() == found.dtypes.to_dict()


@pytest.mark.parametrize("tile_px", [64, 100])
def test_tiles_have_the_cells_of_the_whole(ds, network, tile_px):
    whole, tiled = ds.lf.quantify(network.name), ds.lf.quantify(network.name, tile_px=tile_px)
    # Sums in another order: a rounding, and nothing that competes for a pixel changes hands.
    for name in ("representation", "representation_se", "detection"):
        np.testing.assert_allclose(tiled[name], whole[name], rtol=1e-4, atol=1e-6)
    pd.testing.assert_frame_equal(tiled.lf.cells(), whole.lf.cells(), rtol=1e-4)


def test_errors_are_stretched_as_the_network_says(ds, network, tmp_path):
    wide = saved(tmp_path / "wide.safetensors", se_factor={"dry_mass_pg": 3.0})
    one, other = (ds.lf.quantify(spec.name).lf.cells() for spec in (network, wide))
    np.testing.assert_allclose(other["dry_mass_pg_se"], 3 * one["dry_mass_pg_se"], rtol=1e-5)
    np.testing.assert_array_equal(other["area_um2_se"], one["area_um2_se"])


def test_errors_are_wider_in_a_frame_that_leaves_more_unexplained(ds, tmp_path):
    told = {"residual": {"range": [0.1, 0.4], "typical": 0.1, "power": {"area_um2": 0.5}}}
    factors = dict.fromkeys(METRIC_UNITS, 1.0)
    knows = saved(tmp_path / "knows.safetensors", se_factor=factors, se_grows=told).name
    one = ds.lf.quantify(knows).lf.cells()
    other = ds.assign(residual=xr.DataArray(0.3)).lf.quantify(knows).lf.cells()
    np.testing.assert_allclose(other["area_um2_se"], 3**0.5 * one["area_um2_se"], rtol=1e-5)
    np.testing.assert_array_equal(other["dry_mass_pg_se"], one["dry_mass_pg_se"])
    np.testing.assert_array_equal(other["area_um2"], one["area_um2"])
    # Each frame by its own, and one of which nothing is known by what is typical.
    lazy = ds.assign(residual=("time", np.array([np.nan, 0.3], np.float32))).chunk(time=1)
    table = lazy.lf.quantify(knows).lf.cells().compute()
    for frame, wanted in enumerate((one, other)):
        np.testing.assert_allclose(
            table.loc[table["frame"] == frame, "area_um2_se"],
            wanted.loc[wanted["frame"] == frame, "area_um2_se"], rtol=1e-5,
        )  # fmt: skip


def test_the_dry_mass_is_given_by_the_refractive_increment(ds, network):
    one, other = (
        ds.lf.quantify(network.name, alpha_um3_per_pg=alpha).lf.cells() for alpha in (0.18, 0.2)
    )
    np.testing.assert_allclose(other["dry_mass_pg"], 0.9 * one["dry_mass_pg"], rtol=1e-5)
    np.testing.assert_array_equal(other["area_um2"], one["area_um2"])


def test_larger_pixels_hold_larger_cells(ds, network):
    one, other = (
        ds.drop_vars(["y", "x"])
        .assign_attrs(pixel_size_um=pitch)
        .lf.quantify(network.name)
        .lf.cells()
        for pitch in (1.67, 1.6)
    )
    r = 1.6 / 1.67
    for metric, factor in zip(METRICS, (r**2, r**2, 1, r), strict=True):
        for name in (metric, f"{metric}_se"):
            np.testing.assert_allclose(other[name], factor * one[name], rtol=1e-5)


def test_a_network_of_the_papers_kind_tells_no_errors(ds, tmp_path):
    spec = saved(
        tmp_path / "paper.safetensors", task="represent", metrics=["dry_mass_pg"], outputs=1
    )
    found = ds.lf.quantify(spec.name, least=0.1)
    table = found.lf.cells()
    assert len(table)
    assert table["dry_mass_pg_se"].isna().all()
    assert table[["area_um2", "max_opd_nm"]].isna().all().all()
    assert table["trusted"].all()


def test_cells_of_the_standard_pipeline_stay_within_reach(ds, network):
    both = ds.lf.quantify(network.name)
    with pytest.warns(QualityWarning, match="no cell was found"):
        assert not len(both.lf.cells(method="standard"))
    with pytest.raises(ParameterError, match="method='standard'"):
        both.lf.cells(threshold_nm=20)
    with pytest.raises(DimensionError, match=r"call ds\.lf\.quantify"):
        ds.lf.cells(method="maps")


@pytest.mark.parametrize(
    ("options", "error", "word"),
    [
        ({"network": "accelerate"}, ParameterError, "needed is one for quantify or represent"),
        ({"network": "nobody"}, ModelError, "no such file"),
        ({"least": 0}, ParameterError, "least"),
        ({"least": 2}, ParameterError, "least"),
        ({"alpha_um3_per_pg": math.nan}, ParameterError, "alpha_um3_per_pg"),
        ({"precision": "float16"}, ParameterError, "precision"),
        ({"device": "gpu"}, ParameterError, "device is 'gpu'"),
    ],
)
def test_what_cannot_be_is_refused_before_the_work(ds, network, options, error, word):
    with pytest.raises(error, match=word):
        ds.lf.quantify(**{"network": network.name, **options})


def test_a_network_found_once_is_as_good_as_its_name(ds, network):
    spec = find_model(network.name)
    xr.testing.assert_identical(
        ds.lf.quantify(spec)["representation"], ds.lf.quantify(network.name)["representation"]
    )


def test_a_frame_may_be_measured_again_by_a_network_of_other_metrics(ds, network, tmp_path):
    other = saved(
        tmp_path / "paper.safetensors", task="represent", metrics=["dry_mass_pg"], outputs=1
    )
    again = ds.lf.quantify(network.name).lf.quantify(other.name, least=0.1)
    xr.testing.assert_identical(
        again.drop_attrs(), ds.lf.quantify(other.name, least=0.1).drop_attrs()
    )
    with pytest.raises(DimensionError, match="select with a list"):
        again.isel(metric=0).lf.cells()


def test_frames_of_two_networks_are_read_as_each_drew_them(ds, network, tmp_path):
    shy = saved(tmp_path / "shy.safetensors", least=0.6).name
    first, second = ds.isel(time=[0]), ds.isel(time=[1])
    parts = [first.lf.quantify(network.name, least=0.4), second.lf.quantify(shy)]
    both = xr.concat(parts, "time", combine_attrs="override").lf.cells()
    for frame, part in enumerate(parts):
        alone, here = part.lf.cells(), both[both["frame"] == frame]
        assert len(alone)
        np.testing.assert_array_equal(here["area_um2"], alone["area_um2"])


def test_times_that_are_no_dates_are_refused(ds, network):
    with pytest.raises(DimensionError, match="are no dates"):
        ds.assign_coords(time=[0.0, 0.3]).lf.quantify(network.name).lf.cells()


@pytest.mark.parametrize(
    "said",
    [
        {"metrics": ["height"], "task": "represent", "outputs": 1},
        {"metrics": ["area_um2"]},
        {"metrics": []},
    ],
)
def test_a_network_whose_metrics_are_not_those_it_draws_is_refused(ds, tmp_path, said):
    spec = saved(tmp_path / "odd.safetensors", **said)
    with pytest.raises(ParameterError, match="made by another one"):
        ds.lf.quantify(spec.name)
