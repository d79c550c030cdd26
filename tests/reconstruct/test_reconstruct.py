import json

import numpy as np
import pytest

import lensfree_nb as lf
from lensfree_nb.errors import (
    DataError,
    DistanceError,
    ParameterError,
    QualityWarning,
    SetupError,
    UnitError,
)
from tests import seeds

QUICK = {"iterations": 6}
CHUNKS = [{"time": 1}, {"y": 100, "x": 90}, {"time": 2, "wavelength": 1}, {"x": 33}]


def test_recovers_weak_cells(reconstructed):
    truth = reconstructed["truth_opd"]
    error = reconstructed["opd"] - truth
    assert float((error**2).mean() ** 0.5) < 2.5
    faint = (truth.values > 3) & (truth.values < 15)
    slope = np.polyfit(truth.values[faint], reconstructed["opd"].values[faint], 1)[0]
    assert 0.9 < slope < 1.1
    assert bool(reconstructed["trusted"].all())
    assert float(reconstructed["residual"][0]) < 0.2


def test_units_attrs_and_provenance_survive(holograms, reconstructed):
    assert reconstructed["opd"].attrs["units"] == "nm"
    assert reconstructed["opd"].dtype == np.float32
    assert reconstructed["y"].attrs == holograms["y"].attrs
    assert reconstructed.attrs["operator"] == "me"
    assert '"verb": "reconstruct"' in reconstructed.attrs["provenance"]
    assert "hologram" not in reconstructed
    assert "hologram" in holograms


@pytest.mark.parametrize("chunks", CHUNKS)
def test_any_chunking_gives_the_same_bytes(holograms, chunks, no_compute):
    expected = holograms.lf.reconstruct(tile_px=150, **QUICK)
    with no_compute():
        lazy = holograms.chunk(chunks).lf.reconstruct(tile_px=150, **QUICK)
    found = lazy.compute()
    for name in ("opd", "absorption", "residual", "trusted"):
        assert found[name].values.tobytes() == expected[name].values.tobytes(), name


def test_tiles_agree_with_the_whole_frame(holograms):
    frame = holograms.isel(time=[0])
    whole = frame.lf.reconstruct(iterations=20)["opd"]
    tiled = frame.lf.reconstruct(iterations=20, tile_px=128)["opd"]
    gap = float(((tiled - whole) ** 2).mean() ** 0.5) / float((whole**2).mean() ** 0.5)
    assert gap < 0.03


def test_a_bad_frame_is_flagged_among_good_ones(holograms):
    broken = holograms.copy(deep=True)
    broken["hologram"][1] = np.nan
    with pytest.warns(QualityWarning, match="frame 1"):
        found = broken.lf.reconstruct(**QUICK)
    assert found["opd"][1].isnull().all()
    assert list(found["trusted"].values) == [True, False]
    with pytest.raises(DataError, match="no known pixel"):
        broken.isel(time=[1]).lf.reconstruct(**QUICK)


def test_a_missing_colour_costs_itself_only(holograms, reconstructed):
    without = holograms.isel(time=[0]).copy(deep=True)
    without["hologram"][0, 2] = np.nan
    found = without.lf.reconstruct(iterations=60)
    assert not bool(found["trusted"].any())
    assert float(np.abs(found["opd"] - reconstructed["opd"]).mean()) < 1.0
    back = without.lf.reconstruct("backpropagation")["opd"]
    two = holograms.isel(time=[0], wavelength=[0, 1]).lf.reconstruct("backpropagation")["opd"]
    np.testing.assert_allclose(back, two, atol=0.5)


def test_a_reversed_frame_is_read_as_it_lies(holograms):
    frame = holograms.isel(time=[0]).drop_vars(["y", "x"])
    turned = frame.isel(y=slice(None, None, -1)).lf.reconstruct(**QUICK)["opd"]
    upright = frame.lf.reconstruct(**QUICK)["opd"].isel(y=slice(None, None, -1))
    assert float(np.abs(turned - upright).mean()) < 0.1


def test_lazy_data_have_the_halo_of_their_stated_distance(holograms, tmp_path):
    ds = lf.acquisition(
        holograms["hologram"].values, wavelength_nm=(640, 530, 450), pixel_size_um=1.67,
        distance_um=4000, dim="wavelength",
    )  # fmt: skip
    eager, lazy = (d.lf.reconstruct("backpropagation", tile_px=128) for d in (ds, ds.chunk(time=1)))
    np.testing.assert_array_equal(eager["opd"], lazy["opd"].compute())
    assert eager.attrs["provenance"] == lazy.attrs["provenance"]


def test_saturated_counts_are_unknown(holograms):
    frame = holograms.isel(time=[0])
    counts = np.clip(frame["hologram"].values * 150, 0, 230)
    counts[..., 100:104, 120:124] = 255
    ds = lf.acquisition(
        counts.astype(np.uint8), wavelength_nm=(640, 530, 450), pixel_size_um=1.67,
        distance_um=1000,
    )  # fmt: skip
    masked = ds.assign(hologram=ds["hologram"].where(ds["hologram"] < 255, np.nan))
    found = ds.lf.reconstruct(**QUICK)["opd"]
    np.testing.assert_array_equal(found, masked.lf.reconstruct(**QUICK)["opd"])
    bright = ds["hologram"].assign_attrs(full_scale=65535.0)
    assert np.abs(found - ds.assign(hologram=bright).lf.reconstruct(**QUICK)["opd"]).max() > 1


def test_the_residual_has_a_map_on_request(holograms, no_compute):
    frame = holograms.isel(time=[0]).copy(deep=True)
    frame["hologram"][0, :, 60:64, 80:84] *= 3  # a reflection that no thin sample makes
    with no_compute():
        lazy = frame.chunk(y=100).lf.reconstruct(residual_map=True, tile_px=128, **QUICK)
    found = lazy.compute()
    local = found["residual_map"][0]
    assert float((local**2).mean() ** 0.5) == pytest.approx(float(found["residual"][0]), rel=1e-4)
    assert np.unravel_index(int(local.argmax()), local.shape)[0] in range(60, 64)
    plain = frame.lf.reconstruct(**QUICK)
    assert "residual_map" not in plain
    assert plain["trusted"].dims == ("time",)


def test_trust_is_a_map_on_request(holograms, no_compute):
    frame = holograms.isel(time=[0]).copy(deep=True)
    frame["hologram"][0, :, 40:70, 60:90] *= 2.5  # no thin sample does that
    with no_compute():
        lazy = frame.chunk(y=100).lf.reconstruct(residual_map=True, iterations=40)
    trusted = lazy["trusted"][0].compute()
    assert trusted.dtype == bool
    assert not trusted[45:65, 65:85].any()
    assert trusted[150:].all()
    table = lazy.compute().lf.cells()
    near = table["y_um"].between(60, 120) & table["x_um"].between(90, 160)
    assert not table["trusted"][near].any()
    assert table["trusted"][table["y_um"] > 250].all()


def test_an_empty_frame_is_noise_and_trusted(holograms):
    rng = np.random.default_rng(seeds.NOISE)
    empty = holograms.isel(time=0).copy(deep=True)
    empty["hologram"][:] = 1 + 0.01 * rng.standard_normal(empty["hologram"].shape)
    found = empty.lf.reconstruct(residual_map=True, trust_residual=2.0, **QUICK)
    assert float(found["trusted"].mean()) > 0.999


def test_a_few_unknown_pixels_do_little_harm(holograms, reconstructed):
    holed = holograms.isel(time=[0]).copy(deep=True)
    holed["hologram"][0, :, 100:104, 100:104] = np.nan
    found = holed.lf.reconstruct(iterations=60)["opd"]
    assert float(np.abs(found - reconstructed["opd"]).max()) < 15


def test_a_tilt_is_a_distance_that_varies_over_tiles(holograms):
    # The stated distance is that of the frame's centre; the tiles' centres lie 64 px from it.
    frame = holograms.isel(time=[0])
    slopes = {"distance_slope_y": 0.0, "distance_slope_x": 100.0}
    tilted = frame.assign_coords(slopes).lf.reconstruct(tile_px=128, halo_px=64, **QUICK)["opd"]
    for centre_px, columns in ((-64, slice(0, 128)), (64, slice(128, 256))):
        distance = 1000.0 + 100.0 * centre_px * 1.67e-3
        level = frame.assign_coords(distance=distance).lf.reconstruct(
            tile_px=128, halo_px=64, **QUICK
        )["opd"]
        np.testing.assert_allclose(tilted[..., columns], level[..., columns], atol=0.3)


def test_a_tilted_dish_is_tiled_without_being_told(holograms, monkeypatch):
    monkeypatch.setattr("lensfree_nb.reconstruct.reconstruct.TILTED_TILE_PX", 128)
    frame = holograms.isel(time=[0])
    slopes = {"distance_slope_y": 50.0, "distance_slope_x": 100.0}
    tilted = frame.assign_coords(slopes)
    told, untold = (tilted.lf.reconstruct(tile_px=n, **QUICK)["opd"] for n in (128, None))
    np.testing.assert_array_equal(told, untold)


def test_a_distance_not_found_flags_its_frame_alone(holograms):
    distance = ("time", [1000.0, np.nan], {"units": "um"})
    with pytest.warns(QualityWarning, match="frame 1"):
        found = holograms.assign_coords(distance=distance).lf.reconstruct(**QUICK)
    assert found["opd"][0].notnull().all()
    assert found["opd"][1].isnull().all()
    assert list(found["trusted"].values) == [True, False]


@pytest.mark.parametrize("method", ["annealed", "backpropagation"])
def test_the_rivals_run(holograms, method):
    options = QUICK if method == "annealed" else {}
    found = holograms.isel(time=0).lf.reconstruct(method, **options)
    assert found["opd"].dims == ("y", "x")
    assert found["opd"].notnull().all()


def test_a_distance_that_makes_no_fringes_is_doubted(holograms):
    near = holograms.isel(time=[0]).assign_coords(distance=1.0)
    with pytest.warns(QualityWarning, match="in um"):
        near.lf.reconstruct(**QUICK)


def test_numbers_of_numpy_and_no_background_are_understood(holograms):
    frame = holograms.isel(time=[0])
    found = frame.lf.reconstruct(iterations=np.int64(2), background_px=None)
    assert found["opd"].notnull().all()


def test_heights_and_single_holograms(holograms):
    green = holograms["hologram"].isel(time=0, wavelength=1)
    one = lf.acquisition(green.values, wavelength_nm=530, pixel_size_um=1.67, distance_um=1000)
    two = lf.acquisition(
        np.stack([green.values] * 2), wavelength_nm=530, pixel_size_um=1.67,
        distance_um=(1000, 1000), dim="plane",
    )  # fmt: skip
    first, second = (ds.lf.reconstruct(**QUICK)["opd"] for ds in (one, two))
    np.testing.assert_allclose(first, second, atol=0.5)


BAD = [
    ({"method": "magic"}, ParameterError, "inverse, annealed, backpropagation"),
    ({"iterations": 0}, ParameterError, "iterations"),
    ({"iterations": 2.5}, ParameterError, "whole number"),
    ({"smoothness": -1.0}, ParameterError, "smoothness"),
    ({"sparsity": float("nan")}, ParameterError, "sparsity"),
    ({"relax": 0.5}, ParameterError, "relax"),
    ({"iterations": True}, ParameterError, "whole number"),
    ({"background_px": float("nan")}, ParameterError, "background_px"),
    ({"background_px": -4}, ParameterError, "background_px"),
    ({"background_px": 1e9}, ParameterError, "background_px"),
    ({"positive": "no"}, ParameterError, "True or False"),
    ({"trust_residual": -1.0}, ParameterError, "trust_residual"),
    ({"colour": "red"}, ParameterError, "no parameter"),
    ({"method": "backpropagation", "smoothness": 0.1}, ParameterError, "no parameter"),
    ({"device": "tpu"}, ParameterError, "device"),
    ({"method": "accelerated", "between_prior": 1.0}, ParameterError, "passes is 1.*between_prior"),
    ({"method": "accelerated", "iterations": 0, "prior": 1.0}, ParameterError, "iterations is 0"),
    ({"method": "reference", "passes": 1, "between_relax": 2.0}, ParameterError, "passes is 1"),
]


@pytest.mark.parametrize(("options", "error", "words"), BAD)
def test_bad_parameters(holograms, options, error, words):
    with pytest.raises(error, match=words):
        holograms.isel(time=[0]).lf.reconstruct(**options)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda ds: ds.drop_vars("distance"), DistanceError, "find_distance"),
        (lambda ds: ds.assign_coords(distance=-3.0), DistanceError, "1 mm is 1000 um"),
        (lambda ds: ds.assign_coords(distance=np.nan), DistanceError, "find_distance"),
        (lambda ds: ds.assign_coords(distance=1e6), DistanceError, "check the units"),
        (lambda ds: ds.assign(hologram=-ds["hologram"]), DataError, "negative"),
        (lambda ds: ds.assign(hologram=ds["hologram"] * [[[1]], [[0]], [[1]]]), DataError, "dark"),
        (lambda ds: ds.assign(hologram=ds["hologram"] / 0), DataError, "infinite"),
        (lambda ds: ds.assign_coords(shift_y=("wavelength", [0.0] * 3)), SetupError, "shift_x"),
        (lambda ds: ds.assign_coords(shift_y=0.0, shift_x=0.0), SetupError, "one number an expos"),
        (lambda ds: ds.assign_coords(distance_slope_y=1.0), SetupError, "distance_slope_x"),
        (lambda ds: ds.assign_coords(distance=("y", [1e3] * 256)), DistanceError, "varies along y"),
        (
            lambda ds: ds.assign(hologram=ds["hologram"].assign_attrs(full_scale="12 bit")),
            UnitError,
            "full_scale",
        ),
    ],
)
def test_bad_data(holograms, change, error, words):
    with pytest.raises(error, match=words):
        change(holograms.isel(time=[0])).lf.reconstruct(**QUICK)


def test_what_an_earlier_reconstruction_said_is_replaced(holograms):
    frame = holograms.isel(time=0)
    first = frame.lf.reconstruct("accelerated", residual_map=True)
    again = frame.assign(first.data_vars).lf.reconstruct(**QUICK)
    assert {"residual_map", "defocus"} <= set(first)
    assert not {"residual_map", "defocus"} & set(again)


def test_a_strange_history_costs_no_work_and_is_kept(holograms):
    frame = holograms.isel(time=0).assign_attrs(provenance="made by me")
    found = frame.lf.reconstruct(iterations=np.int64(3))
    first, second = json.loads(found.attrs["provenance"])
    assert first == {"before": "made by me"}
    assert second["parameters"]["iterations"] == 3
