import numpy as np
import pandas as pd
import pytest
import tifffile
import xarray as xr
import zarr

from lensfree_nb.errors import DimensionError, ParameterError
from lensfree_nb.io.export import write_cells, write_dataset, write_tiff
from lensfree_nb.io.from_opd import from_opd
from tests import seeds


def dataset(**options):
    rng = np.random.default_rng(seeds.PIXELS)
    opd = rng.normal(50, 30, (3, 20, 24))
    opd[1, 3, 4] = np.nan
    times = np.arange("2024-05-01", "2024-05-04", dtype="datetime64[D]")
    ds = from_opd(opd, pixel_size_um=1.67, absorption=opd / 1000, time=times)
    return ds.assign(trusted=("time", [True, False, True]))


def test_tables_come_back(tmp_path):
    table = pd.DataFrame({"cell": [1, 2], "area_um2": [600.5, np.nan], "edge": [True, False]})
    parquet, csv = write_cells(table, tmp_path / "new", "day 1")
    assert {p.name for p in (tmp_path / "new").iterdir()} == {"day_1.parquet", "day_1.csv"}
    pd.testing.assert_frame_equal(pd.read_parquet(parquet), table)
    pd.testing.assert_frame_equal(pd.read_csv(csv), table)


@pytest.mark.parametrize("name", ["../../out", "/etc/out", "a/../../out", "..\\out", ".out"])
def test_names_never_leave_the_folder(tmp_path, name):
    folder = tmp_path / "deep" / "er"
    for path in write_cells(pd.DataFrame({"cell": [1]}), folder, name):
        assert path.resolve().parent == folder.resolve()
    assert not list(tmp_path.glob("*out*"))


def test_a_failing_write_leaves_the_old_table(tmp_path):
    write_cells(pd.DataFrame({"cell": [1]}), tmp_path)
    with pytest.raises(Exception, match=r".*"):
        write_cells(pd.DataFrame({"cell": [object()]}), tmp_path)
    assert pd.read_parquet(tmp_path / "cells.parquet").cell.tolist() == [1]
    assert {p.name for p in tmp_path.iterdir()} == {"cells.parquet", "cells.csv"}


@pytest.mark.parametrize("lazy", [False, True])
def test_datasets_come_back(tmp_path, lazy):
    ds = dataset()
    path = write_dataset(ds.chunk(time=2, y=7) if lazy else ds, tmp_path / "a.zarr")
    back = xr.open_zarr(path)
    np.testing.assert_allclose(back.opd, ds.opd, atol=0.0501)
    assert np.array_equal(np.isnan(back.opd), np.isnan(ds.opd))
    xr.testing.assert_equal(back.absorption.load(), ds.absorption)
    assert back.opd.attrs == ds.opd.attrs
    assert back.attrs == ds.attrs
    assert back.y.attrs == ds.y.attrs
    xr.testing.assert_equal(back.trusted.load(), ds.trusted)
    stored = zarr.open_group(str(path), mode="r")
    assert stored["opd"].dtype == np.int16
    assert stored["opd"].chunks == (1, 20, 24)
    assert stored.metadata.zarr_format == 3
    assert "scale_factor" not in ds.opd.encoding


def test_opd_beyond_the_range_is_clipped_not_wrapped(tmp_path):
    ds = from_opd(np.array([[5000.0, -5000.0], [0.0, np.nan]]), pixel_size_um=1)
    back = xr.open_zarr(write_dataset(ds, tmp_path / "a.zarr"))
    np.testing.assert_allclose(back.opd, [[3276.7, -3276.7], [0, np.nan]], atol=0.01)


def test_words_beside_the_axes_come_back(tmp_path):
    # Any warning that a store may not be readable one day fails the test.
    ds = from_opd(np.zeros((2, 8, 9)), pixel_size_um=1.67)
    maps = xr.DataArray(np.ones((2, 8, 9)), dims=("metric", "y", "x"))
    ds = ds.assign(representation=maps).assign_coords(
        metric=["area_um2", "dry_mass_pg"], units=("metric", ["um^2", "pg"])
    )
    back = xr.open_zarr(write_dataset(ds, tmp_path / "words.zarr"))
    assert list(back["metric"].values) == ["area_um2", "dry_mass_pg"]
    assert str(back["units"].sel(metric="dry_mass_pg").values) == "pg"


def test_stores_are_not_overwritten_unasked(tmp_path):
    ds = dataset()
    write_dataset(ds, tmp_path / "a.zarr")
    with pytest.raises(ParameterError, match="overwrite=True"):
        write_dataset(ds, tmp_path / "a.zarr")
    write_dataset(ds.isel(time=[0]), tmp_path / "a.zarr", overwrite=True)
    assert xr.open_zarr(tmp_path / "a.zarr").sizes["time"] == 1
    (tmp_path / "photos").mkdir()
    with pytest.raises(ParameterError, match="no Zarr store"):
        write_dataset(ds, tmp_path / "photos", overwrite=True)


def test_tiff_with_physical_sizes(tmp_path):
    ds = dataset()
    path = write_tiff(ds["opd"].chunk(time=1), tmp_path / "opd.tif")
    assert path.name == "opd.ome.tif"
    with tifffile.TiffFile(path) as tif:
        assert tif.series[0].axes == "TYX"
        np.testing.assert_array_equal(tif.asarray(), ds.opd.values)
        pixels = tifffile.xml2dict(tif.ome_metadata)["OME"]["Image"]["Pixels"]
    assert pixels["PhysicalSizeX"] == 1.67
    assert pixels["PhysicalSizeXUnit"] == "µm"
    assert pixels["TimeIncrement"] == 86400
    with pytest.raises(DimensionError, match="metric"):
        write_tiff(ds["opd"].rename(time="metric"), tmp_path / "a.tif")
    assert [p.name for p in tmp_path.iterdir()] == ["opd.ome.tif"]


def test_an_opd_in_micrometres_keeps_its_steps(tmp_path):
    ds = from_opd(np.linspace(0, 300, 4096).reshape(64, 64), pixel_size_um=1)
    micro = ds.assign(opd=(ds["opd"] / 1000).assign_attrs(units="um"))
    back = xr.open_zarr(write_dataset(micro, tmp_path / "a.zarr"))
    assert back["opd"].attrs["units"] == "nm"
    np.testing.assert_allclose(back["opd"], ds["opd"], atol=0.051)


def test_what_is_no_dataset_or_table(tmp_path):
    with pytest.raises(DimensionError, match="give a Dataset"):
        write_dataset(xr.DataArray(np.zeros((2, 2))), tmp_path / "b.zarr")
    with pytest.raises(ParameterError, match="give a DataFrame"):
        write_cells({"a": [1]}, tmp_path)
