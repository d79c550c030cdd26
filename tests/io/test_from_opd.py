import tarfile

import dask.array as da
import h5py
import numpy as np
import pint
import pytest
import xarray as xr

from lensfree_nb import contract
from lensfree_nb.io.from_opd import from_opd
from lensfree_nb.io.samples import SAMPLES
from tests import seeds


@pytest.mark.parametrize(
    ("units", "factor"), [("nm", 1.0), ("um", 1000.0), ("rad", 640 / (2 * np.pi))]
)
def test_units(units, factor):
    data = np.random.default_rng(seeds.PIXELS).normal(0, 1, (3, 8, 9))
    ds = from_opd(data, units=units, pixel_size_um=0.5, wavelength_nm=640, medium_index=1.33)
    opd = contract.opd_of(ds)
    np.testing.assert_allclose(opd, data * factor, rtol=1e-6)
    assert opd.dims == ("time", "y", "x")
    assert opd.dtype == np.float32
    assert contract.pixel_size_of(ds) == 0.5
    assert ds.attrs["medium_index"] == 1.33


def test_own_unit_wins_and_lazy_stays_lazy():
    unit = pint.UnitRegistry()
    data = np.ones((8, 9))
    assert float(from_opd(data * unit.um, pixel_size_um=1).opd[0, 0]) == 1000
    array = xr.DataArray(data.T, dims=("x", "y"), attrs={"units": "um"})
    ds = from_opd(array, pixel_size_um=1)
    assert ds.opd.dims == ("y", "x")
    assert float(ds.opd[0, 0]) == 1000
    lazy = from_opd(
        da.ones((5, 8, 9), chunks=(1, 8, 9)), pixel_size_um=1, absorption=da.zeros((5, 8, 9)),
        time=np.arange("2024-05-01", "2024-05-06", dtype="datetime64[D]"),
    )  # fmt: skip
    assert lazy.opd.chunks is not None
    assert lazy.absorption.attrs["units"] == "1"
    assert lazy.absorption.time.equals(lazy.opd.time)


@pytest.mark.data
def test_hl60_views_of_qpimage(data_folder):
    path = data_folder / SAMPLES["hl60_opd_views"].path
    with tarfile.open(path, "r:xz") as tar, h5py.File(tar.extractfile("series.h5")) as series:
        group = series["qpi_0"]
        phase = group["phase/raw"][:]
    ds = from_opd(phase, units="rad", wavelength_nm=647, pixel_size_um=0.139, medium_index=1.335)
    assert ds.opd.shape == (140, 140)
    # The cell is 305 to 321 nm thick over all angles (SOURCES of the data).
    assert 290 < float(ds.opd.max()) < 330
    assert float(ds.opd.max()) == pytest.approx(float(phase.max()) * 647 / (2 * np.pi), rel=1e-5)
