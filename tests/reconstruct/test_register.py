import dataclasses

import dask.array as da
import numpy as np
import pytest

import lensfree_nb as lf
from lensfree_nb.contract import SHIFTS
from lensfree_nb.errors import DataError, ParameterError, QualityWarning, SetupError
from lensfree_nb.microscope import Setup
from lensfree_nb.simulate import PRESETS, acquire, culture
from tests import seeds

SENSOR = (320, 352)


def level(preset):
    return dataclasses.replace(PRESETS[preset], slope_um_per_mm=(0.0, 0.0))


def dataset(instrument, kinds=None):
    cells = culture(
        SENSOR, 250, rng=np.random.default_rng(seeds.CELLS), margin_um=165.0, kinds=kinds
    )
    ds = acquire(cells, SENSOR, rng=np.random.default_rng(seeds.NOISE), instrument=instrument)
    kept = {k: ds.attrs[k] for k in ("source_diameter_um", "source_distance_mm", "bandwidth_nm")}
    counts = instrument.camera.bits is not None
    opened = lf.acquisition(
        ds["hologram"].drop_vars("wavelength"), wavelength_nm=ds["wavelength"].values,
        pixel_size_um=1.67, distance_um=1000, background="frame" if counts else None,
        dark=instrument.camera.offset if counts else None, **kept,
    )  # fmt: skip
    return opened, ds["truth_opd"]


def found_of(ds):
    return np.stack([ds[name].values for name in SHIFTS], 1)


@pytest.mark.parametrize(
    ("preset", "kinds", "within_um"),
    [("plain", None, 0.05), ("paper", None, 0.06), ("harsh", None, 0.1),
     ("paper", {"round": 1.0}, 0.2)],
)  # fmt: skip
def test_places_of_the_colours(preset, kinds, within_um):
    instrument = level(preset)
    ds, _ = dataset(instrument, kinds)
    registered = ds.lf.register()
    true = np.array(instrument.shift_um or np.zeros((3, 2)))
    np.testing.assert_allclose(found_of(registered), true, atol=within_um)
    assert registered["shift_y"].attrs["units"] == "um"
    assert registered["shift_y"].dims == ("wavelength",)
    assert "register" in registered.attrs["provenance"]


def test_reconstruction_is_better_for_it():
    ds, truth = dataset(level("harsh"))
    rmse, residual = [], []
    for one in (ds, ds.lf.register()):
        rec = one.lf.reconstruct(iterations=30)
        rmse.append(float(((rec["opd"] - truth) ** 2).mean() ** 0.5))
        residual.append(float(rec["residual"]))
    assert rmse[1] < 0.7 * rmse[0]
    assert residual[1] < 0.6 * residual[0]


def test_lazy_and_over_time_is_the_same(no_compute):
    ds, _ = dataset(level("paper"))
    eager = ds.lf.register()
    lazy = ds.chunk({"y": 100, "x": 352}).expand_dims(time=2)
    with no_compute():
        registered = lazy.lf.register()
        rec = registered.lf.reconstruct(iterations=2)
    assert isinstance(registered["shift_y"].data, da.Array)
    np.testing.assert_array_equal(found_of(registered.compute()), found_of(eager))
    once = eager.lf.reconstruct(iterations=2)["opd"]
    np.testing.assert_array_equal(rec["opd"][1].compute(), once)


def test_a_colour_that_was_not_recorded_stays_where_it_is():
    ds, _ = dataset(level("paper"))
    dead = ds["hologram"].copy(deep=True)
    dead[0] = np.nan
    found = found_of(ds.assign(hologram=dead).lf.register())
    np.testing.assert_array_equal(found[0], 0.0)
    np.testing.assert_allclose(found[2], PRESETS["paper"].shift_um[2], atol=0.1)


def test_a_dark_colour_is_flagged_where_it_was_so_asked():
    ds, _ = dataset(level("paper"))
    dark = ds["hologram"].copy(deep=True)
    dark[0] = 0.0
    ds = ds.assign(hologram=dark)
    with pytest.warns(QualityWarning, match="exposure 0"):
        assert np.isnan(found_of(ds.lf.register(on_failure="flag"))).all()
    with pytest.warns(QualityWarning, match="exposure 0"):
        assert ds.chunk(y=100).lf.register()["shift_y"].isnull().all()
    with pytest.raises(DataError, match="exposure 0"):
        ds.lf.register()


def test_a_colour_of_another_sample_is_not_found():
    ds, _ = dataset(level("paper"))
    strange = ds["hologram"].copy(deep=True)
    strange[2] = strange[2].values[::-1, ::-1]
    ds = ds.assign(hologram=strange)
    with pytest.raises(DataError, match="exposure 2"):
        ds.lf.register()
    with pytest.warns(QualityWarning, match="exposure 2"):
        flagged = ds.lf.register(on_failure="flag")
    assert np.isnan(found_of(flagged)[2]).all()
    assert np.isfinite(found_of(flagged)[:2]).all()
    assert np.isfinite(flagged.lf.reconstruct(iterations=2)["opd"]).all()
    with pytest.raises(ParameterError, match="on_failure"):
        ds.lf.register(on_failure="ignore")


def test_the_distance_is_found_with_what_is_known_of_the_colours(no_compute):
    ds, _ = dataset(level("harsh"))
    found = [
        float(one.lf.find_distance(range_um=(800, 1250))["distance"])
        for one in (ds, ds.lf.register())
    ]
    assert abs(found[1] - 1000) < 5
    assert abs(found[0] - 1000) > 20
    with no_compute():
        lazy = ds.chunk().lf.register().lf.find_distance(range_um=(800, 1250))
        tilted = lazy.lf.find_tilt(windows=2)
    assert float(lazy["distance"].compute()) == pytest.approx(found[1], abs=0.01)
    assert abs(float(tilted["distance"].compute()) - 1000) < 15
    assert ds.chunk().lf.register().lf.distance_curve([900, 1000, 1100]).argmin() == 1


@pytest.mark.parametrize("shift", [((0.0, 1.0),), ((float("nan"), 0.0),) * 3, ((1e6, 0.0),) * 3])
def test_impossible_shifts(shift):
    with pytest.raises(SetupError, match="shift_um"):
        Setup((640.0, 530.0, 450.0), 1.67, shift_um=shift)


def test_the_first_frame_that_has_a_distance_tells_where_colours_lie():
    ds, _ = dataset(level("paper"))
    expected = found_of(ds.lf.register())
    series = ds.drop_vars("distance", errors="ignore").expand_dims(time=3)
    series.attrs.pop("distance_um", None)
    some = series.assign_coords(distance=("time", [np.nan, 1000.0, 1000.0], {"units": "um"}))
    np.testing.assert_array_equal(found_of(some.lf.register()), expected)
    lazy = some.chunk(time=1).lf.register()
    np.testing.assert_array_equal(found_of(lazy), expected)
    none = series.assign_coords(distance=("time", np.full(3, np.nan), {"units": "um"}))
    with pytest.raises(DataError, match="has a distance"):
        none.lf.register()
    with pytest.warns(QualityWarning, match="has a distance"):
        assert np.isnan(found_of(none.lf.register(on_failure="flag"))).all()


def test_a_few_pixels_have_no_colours_to_compare():
    ds, _ = dataset(level("paper"))
    with pytest.raises(DataError, match="8 x 64 px"):
        ds.isel(y=slice(8), x=slice(64)).lf.register()
