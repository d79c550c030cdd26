import numpy as np
import pytest
import xarray as xr

from lensfree_nb.errors import DataError, DimensionError, ParameterError, UnitError

METHODS = ["inverse", "annealed", "accelerated"]


@pytest.fixture(scope="module")
def truth(holograms):
    """The simulated truth as a result, of each frame."""
    return holograms[["truth_opd", "truth_absorption"]].rename(
        truth_opd="opd", truth_absorption="absorption"
    )


def error(found, holograms):
    gap = found["opd"] - holograms["truth_opd"]
    return float((gap**2).mean() ** 0.5)


@pytest.mark.parametrize("method", ["inverse", "annealed"])
def test_a_good_start_saves_iterations(holograms, truth, method):
    cold, warm = (
        holograms.lf.reconstruct(method, iterations=3, start=start) for start in (None, truth)
    )
    assert error(warm, holograms) < 0.5 * error(cold, holograms)


def test_the_first_inversion_starts_from_it(holograms, truth):
    options = {"first_iterations": 1, "iterations": 0, "first_smoothness": 0.0}
    cold, warm = (
        holograms.lf.reconstruct("accelerated", start=start, **options) for start in (None, truth)
    )
    assert error(warm, holograms) < 0.5 * error(cold, holograms)


@pytest.mark.parametrize("method", METHODS)
def test_nothing_to_start_from_is_a_cold_start(holograms, truth, method):
    frame, options = holograms.isel(time=0), {"iterations": 2}
    nothing = truth.isel(time=0) * np.nan
    nothing["opd"].attrs["units"] = "nm"
    cold, warm = (frame.lf.reconstruct(method, start=start, **options) for start in (None, nothing))
    np.testing.assert_array_equal(cold["opd"], warm["opd"])


@pytest.mark.parametrize("chunks", [{"time": 1}, {"y": 100, "x": 90}, {"wavelength": 1}])
def test_it_stays_lazy_and_the_same(holograms, truth, chunks, no_compute):
    options = {"iterations": 2, "tile_px": 128}
    expected = holograms.lf.reconstruct("inverse", start=truth, **options)
    with no_compute():
        lazy = holograms.chunk(chunks).lf.reconstruct("inverse", start=truth.chunk(), **options)
    assert lazy["opd"].compute().values.tobytes() == expected["opd"].values.tobytes()
    np.testing.assert_array_equal(lazy["time"], expected["time"])


@pytest.mark.parametrize("method", ["inverse", "accelerated"])
def test_a_ball_that_has_gone_leaves_no_ghost(holograms, method):
    options = {} if method == "accelerated" else {"iterations": 10}
    frame = holograms.isel(time=0)
    cold = frame.lf.reconstruct(method, **options)
    empty = np.unravel_index(int(frame["truth_opd"].values.argmin()), frame["truth_opd"].shape)
    ball = np.hypot(*(np.ogrid[:256, :256][k] - empty[k] for k in range(2))) < 8
    before = cold.copy(deep=True)
    before["opd"] += xr.DataArray(600.0 * ball, dims=("y", "x"))
    warm = frame.lf.reconstruct(method, start=before, **options)
    assert float(np.abs(warm["opd"] - frame["truth_opd"]).values[ball].max()) < 20
    assert error(warm, frame) < 1.2 * error(cold, frame)


def test_a_good_start_is_no_worse_than_none(holograms, truth):
    frame, start = holograms.isel(time=0), truth.isel(time=0)
    cold, warm = (frame.lf.reconstruct("accelerated", start=one) for one in (None, start))
    assert error(warm, frame) < error(cold, frame)
    again = frame.lf.reconstruct("accelerated", start=warm)
    assert error(again, frame) < 1.1 * error(cold, frame)


def test_one_frame_serves_all(holograms, truth):
    options = {"iterations": 2}
    one = truth.isel(time=0, drop=True)
    both = holograms.lf.reconstruct("inverse", start=one, **options)
    second = holograms.isel(time=1).lf.reconstruct("inverse", start=one, **options)
    np.testing.assert_array_equal(both["opd"][1], second["opd"])


def test_what_cannot_be_a_start(holograms, truth):
    with pytest.raises(DimensionError, match="give a result of the same frames"):
        holograms.lf.reconstruct(start=truth.isel(x=slice(0, 100)))
    with pytest.raises(DimensionError, match="no variable 'opd'"):
        holograms.lf.reconstruct(start=truth[["absorption"]])
    with pytest.raises(ParameterError, match="backpropagation"):
        holograms.lf.reconstruct("backpropagation", start=truth)
    with pytest.raises(DimensionError, match="lies elsewhere"):
        holograms.isel(x=slice(0, 100)).lf.reconstruct(start=truth.isel(x=slice(1, 101)))
    with pytest.raises(DimensionError, match="its time differs"):
        holograms.lf.reconstruct(start=truth.isel(time=[1, 0]))
    with pytest.raises(DataError, match="it must be real"):
        holograms.lf.reconstruct(start=truth.assign(absorption=truth["absorption"].astype(str)))
    with pytest.raises(ParameterError, match="give start"):
        holograms.lf.reconstruct(prior=0.5)
    without = truth.copy(deep=True)
    without["opd"].attrs.pop("units")
    with pytest.raises(UnitError):
        holograms.lf.reconstruct(start=without)
