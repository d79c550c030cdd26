import json

import numpy as np
import pytest

from lensfree_nb.errors import DistanceError, ModelError, ParameterError
from lensfree_nb.nets import registry
from lensfree_nb.nets.registry import find_model
from lensfree_nb.simulate.acquisition import acquire
from lensfree_nb.simulate.dish import culture
from lensfree_nb.simulate.instrument import PRESETS
from tests import seeds


@pytest.fixture(scope="module")
def thick():
    """Thick round cells alone, simulated at 1000 µm, the colours not registered."""
    cells = culture(
        (256, 256), 300.0, rng=np.random.default_rng(seeds.CELLS), kinds={"suspended": 1.0},
        margin_um=160.0,
    )  # fmt: skip
    return acquire(cells, (256, 256), rng=np.random.default_rng(seeds.NOISE), instrument="paper")


def test_thick_cells_are_focused(thick):
    counts = thick["hologram"].values.astype(float) - 16.0
    ds = thick.assign(
        hologram=thick["hologram"].copy(data=counts / counts.mean((1, 2), keepdims=True))
    )
    ds["hologram"].attrs["units"] = "1"
    found = ds.lf.find_distance(criterion="network", range_um=(700, 1400))
    assert float(found["distance"]) == pytest.approx(1000, abs=5)


def test_colours_may_lie_at_distances_of_their_own():
    true_um = (994.0, 1000.0, 1008.0)
    cells = culture((256, 256), 300.0, rng=np.random.default_rng(seeds.CELLS), margin_um=160.0)
    ds = acquire(
        cells, (256, 256), rng=np.random.default_rng(seeds.NOISE),
        instrument=PRESETS["plain"].at(true_um),
    )  # fmt: skip
    found = ds.lf.find_distance(criterion="network", range_um=(700, 1400), per_exposure=True)
    np.testing.assert_allclose(found["distance"], true_um, atol=4)


def test_flat_cells_are_focused(holograms, no_compute):
    frame = holograms.isel(time=[0]).drop_vars("distance")
    found = frame.lf.find_distance(criterion="network", range_um=(800, 1300))
    assert float(found["distance"]) == pytest.approx(1000, abs=5)
    with no_compute():
        lazy = frame.chunk().lf.find_distance(criterion="network", range_um=(800, 1300))
    assert float(lazy["distance"].compute()) == float(found["distance"])


def test_an_empty_frame_has_no_focus(holograms):
    rng = np.random.default_rng(seeds.NOISE)
    empty = holograms.isel(time=0).copy(deep=True)
    empty["hologram"][:] = 1 + 0.01 * rng.standard_normal(empty["hologram"].shape)
    with pytest.raises(DistanceError, match="not found"):
        empty.lf.find_distance(criterion="network", range_um=(800, 1300))


def test_its_curve_can_be_drawn(holograms):
    curve = holograms.lf.distance_curve([900, 1000, 1100], criterion="network")
    assert int(curve.argmin()) == 1
    assert curve.name == "network"


def test_a_tilt_is_followed(holograms):
    found = holograms.isel(time=0).lf.find_tilt(criterion="network", windows=2)
    assert float(found["distance"]) == pytest.approx(1000, abs=8)
    assert abs(float(found["distance_slope_y"])) < 25
    assert abs(float(found["distance_slope_x"])) < 25
    with pytest.raises(ParameterError, match="use one of inversion, network"):
        holograms.lf.find_tilt(criterion="tenengrad")


def test_the_end_of_what_was_searched_is_no_distance(holograms):
    far = holograms.isel(time=0).assign_coords(distance=1200.0)
    with pytest.raises(DistanceError, match="windows of the frame show a distance"):
        far.lf.find_tilt(criterion="network", windows=2)


def test_only_what_it_was_trained_on(holograms):
    with pytest.raises(ParameterError, match="for 3 colours"):
        holograms.isel(wavelength=[0]).lf.find_distance(criterion="network")


@pytest.fixture
def small(holograms):
    return holograms.isel(time=0, y=slice(0, 128), x=slice(0, 128)).chunk()


def test_a_result_names_the_network_behind_it(small):
    tilted = small.lf.find_distance(criterion="network").lf.find_tilt(criterion="network")
    said = json.loads(tilted.attrs["provenance"])
    shipped = find_model("accelerate").sha256
    assert [step["parameters"]["network"]["sha256"] for step in said[-2:]] == [shipped] * 2
    plain = small.lf.find_distance()
    assert "network" not in json.loads(plain.attrs["provenance"])[-1]["parameters"]


@pytest.mark.parametrize("verb", ["find_distance", "find_tilt"])
def test_a_graph_carries_its_network(small, monkeypatch, verb):
    placed = small.assign_coords(distance=1000.0)
    graph = getattr(placed.lf, verb)(criterion="network")["distance"]
    # As on a worker whose weights are others than those that the graph was built with.
    monkeypatch.setattr(registry, "_digest", lambda held: "another")
    registry.load_network.cache_clear()
    with pytest.raises(ModelError, match="is not the file that was named"):
        graph.compute()
