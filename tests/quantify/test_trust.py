"""Which cells of which frames are trusted, whatever the network."""

import math

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.ndimage import distance_transform_edt

from lensfree_nb.errors import (
    DataError,
    DimensionError,
    QualityWarning,
)
from lensfree_nb.quantify.channels import METRICS
from lensfree_nb.quantify.network_check import colours_nm
from tests.quantify.networks import saved


def test_cells_near_unknown_pixels_are_told(ds, network):
    holes = ds.isel(time=0).copy(deep=True)
    holes["opd"][60:70, 90:100] = np.nan
    table = holes.lf.quantify(network.name).lf.cells()
    known = np.isfinite(holes["opd"].values)
    place = (
        (table[["y_um", "x_um"]] / 1.67).round().to_numpy(int).clip(0, np.array(known.shape) - 1)
    )
    away_um = 1.67 * distance_transform_edt(known)[tuple(place.T)]
    reach_um = np.maximum(20, np.minimum(table["major_axis_um"] / 2, 48 * 1.67))
    near = away_um <= reach_um
    assert 0 < near.sum() < len(table)
    # Where a refined place rounds to the next pixel it is a pixel nearer or farther.
    sure = np.abs(away_um - reach_um) > 2.4
    assert (table["trusted"] == ~near)[sure].all()
    assert np.isinf(table.loc[~table["trusted"], "area_um2_se"]).all()
    assert np.isfinite(table[list(METRICS)]).all().all()


def test_cells_unlike_those_it_learned_from_are_told(ds, network, tmp_path):
    low, high = ds.lf.quantify(network.name).lf.cells()["area_um2"].quantile([0.2, 0.7])
    reach = {"area_um2": [low, high]}
    taught = saved(
        tmp_path / "taught.safetensors", trained_on={"pixel_size_um": 1.67, "range": reach}
    )
    table = ds.lf.quantify(taught.name).lf.cells()
    like = table["area_um2"].between(low, high)
    assert 0 < like.sum() < len(table)
    assert (table["trusted"] == like).all()


def test_a_frame_that_is_not_trusted_has_no_trusted_cells(ds, network):
    told = ds.assign(trusted=("time", [True, False]))
    table = told.lf.quantify(network.name).lf.cells()
    assert (table["trusted"] == (table["frame"] == 0)).all()


def test_a_frame_that_is_lost_has_no_trusted_cells_and_costs_no_other(ds, network):
    lost = ds.copy(deep=True)
    lost["opd"][0] = np.nan
    table = lost.lf.quantify(network.name).lf.cells()
    assert not table.loc[table["frame"] == 0, "trusted"].any()
    right = ds.lf.quantify(network.name).lf.cells().query("frame == 1")
    pd.testing.assert_frame_equal(
        table.query("frame == 1").reset_index(drop=True), right.reset_index(drop=True)
    )


def test_other_pixels_than_it_learned_from_are_told(ds, network):
    with pytest.warns(QualityWarning, match=r"pixels of 1\.67 um"):
        ds.assign_attrs(pixel_size_um=3.0).drop_vars(["y", "x"]).lf.quantify(network.name)


def test_no_cell_is_trusted_in_holograms_of_fewer_colours(ds, tmp_path):
    taught = {"pixel_size_um": 1.67, "wavelength_nm": [640.0, 530.0, 450.0]}
    three = saved(tmp_path / "three.safetensors", trained_on=taught).name
    with pytest.warns(QualityWarning, match=r"3 colours, this is one of 1.*no cell is trusted"):
        table = ds.assign_coords(wavelength=[532.0]).lf.quantify(three).lf.cells()
    assert len(table)
    assert not table["trusted"].any()
    # What comes from no hologram has no colours that could lack.
    for same in (ds, ds.assign_coords(wavelength=[450.0, 530.0, 640.0])):
        assert same.lf.quantify(three).lf.cells()["trusted"].all()


@pytest.mark.parametrize(
    "wavelength", [532.0, [640.0, 640.0, 640.0], ("plane", [640.0, 640.0])], ids=str
)
def test_colours_are_counted_however_they_are_told(ds, wavelength):
    told = ds.assign_coords(wavelength=wavelength)
    assert len(colours_nm(told)) == 1
    in_um = (told["wavelength"] / 1e3).assign_attrs(units="um")
    np.testing.assert_allclose(colours_nm(told.assign_coords(wavelength=in_um)), colours_nm(told))


def test_what_is_no_wavelength_is_refused(ds, network):
    for wrong in (["red"], [math.nan, 530.0], [0.0]):
        with pytest.raises(DataError, match="wavelength"):
            ds.assign_coords(wavelength=wrong).lf.quantify(network.name)


def test_a_residual_is_one_number_a_frame(ds, network):
    of_colours = xr.DataArray(np.full((2, 3), 0.2), dims=("time", "wavelength"))
    with pytest.raises(DimensionError, match="residual has the dims wavelength"):
        ds.assign(residual=of_colours).lf.quantify(network.name)
    with pytest.raises(DataError, match="residual has dtype"):
        ds.assign(residual=xr.DataArray("low")).lf.quantify(network.name)


def test_where_trust_is_not_known_there_is_none(ds, network):
    told = ds.assign(trusted=("time", np.array([1.0, math.nan])))
    table = told.lf.quantify(network.name).lf.cells()
    assert (table["trusted"] == (table["frame"] == 0)).all()


def test_no_cell_is_trusted_in_a_frame_that_leaves_more_unexplained_than_any(ds, tmp_path):
    told = {"residual": {"range": [0.1, 0.4], "typical": 0.1, "power": {}}}
    knows = saved(tmp_path / "knows.safetensors", se_grows=told).name
    left = ds.assign(residual=("time", np.array([0.39, 0.41], np.float32)))
    table = left.lf.quantify(knows).lf.cells()
    assert (table["trusted"] == (table["frame"] == 0)).all()
    assert set(table["frame"]) == {0, 1}


def test_no_cell_is_trusted_in_pixels_of_another_size(ds, network):
    coarse = ds.drop_vars(["y", "x"]).assign_attrs(pixel_size_um=3.3)
    with pytest.warns(QualityWarning, match="no cell is trusted"):
        table = coarse.lf.quantify(network.name).lf.cells()
    assert len(table)
    assert not table["trusted"].any()


@pytest.mark.parametrize("level_nm", [-70.0, 250.0])
def test_no_cell_is_trusted_where_the_opd_does_not_begin_at_0(ds, network, level_nm, no_compute):
    raised = ds.assign(opd=ds["opd"] + np.array([0.0, level_nm], np.float32)[:, None, None])
    raised["opd"].attrs = ds["opd"].attrs
    with pytest.warns(QualityWarning, match="does not begin at 0"):
        table = raised.lf.quantify(network.name).lf.cells()
    assert table.groupby("frame")["trusted"].any().tolist() == [True, False]
    with no_compute():
        lazy = raised.chunk(time=1, y=50).lf.quantify(network.name, tile_px=64)
    with pytest.warns(QualityWarning, match="does not begin at 0"):
        assert not lazy.isel(time=1).lf.cells().compute()["trusted"].any()
