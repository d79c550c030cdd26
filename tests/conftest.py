"""Fixtures that every room's tests share."""

import dataclasses
import os
from contextlib import contextmanager
from pathlib import Path

import dask
import numpy as np
import pytest
import xarray as xr

from lensfree_nb.reconstruct.reconstruct import reconstruct
from lensfree_nb.simulate.acquisition import acquire
from lensfree_nb.simulate.dish import culture
from lensfree_nb.simulate.instrument import PRESETS
from tests import seeds


@pytest.fixture
def data_folder():
    """Folder of the real data; the test is skipped where it is absent."""
    default = Path(__file__).parents[1].parent / "shared" / "data"
    folder = Path(os.environ.get("LENSFREE_DATA", default))
    if not folder.is_dir():
        pytest.skip("the real data are not here; set LENSFREE_DATA to their folder")
    return folder


@pytest.fixture
def no_compute():
    """A context in which dask must not compute."""

    def refuse(graph, keys, **options):
        raise AssertionError("dask computed while a graph was built")

    @contextmanager
    def context():
        with dask.config.set(scheduler=refuse):
            yield

    return context


@pytest.fixture(scope="session")
def cells_truth():
    """A small simulated culture that reaches beyond the sensor of `holograms`."""
    return culture((256, 256), rng=np.random.default_rng(seeds.CELLS), margin_um=160.0)


@pytest.fixture(scope="session")
def holograms(cells_truth):
    """Two simulated RGB frames of 256 x 256 px, with their distance set."""
    rng = np.random.default_rng(seeds.NOISE)
    plain = dataclasses.replace(PRESETS["plain"], lines=3)
    frames = [acquire(cells_truth, (256, 256), rng=rng, instrument=plain) for _ in range(2)]
    times = np.array(["2024-05-01T12:00", "2024-05-01T12:10"], "M8[ns]")
    ds = xr.concat(frames, xr.Variable("time", times), combine_attrs="override")
    ds["y"].attrs["origin"] = "top"
    return ds.assign_coords(distance=((), 1000.0, {"units": "um"})).assign_attrs(operator="me")


@pytest.fixture(scope="session")
def reconstructed(holograms):
    """The first of `holograms`, inverted."""
    return reconstruct(holograms.isel(time=[0]), iterations=60)
