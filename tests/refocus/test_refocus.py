"""One verb for holograms and for images."""

import numpy as np
import pytest
import xarray as xr

import lensfree_nb  # noqa: F401 - registers ds.lf
from lensfree_nb.errors import DimensionError, ParameterError
from lensfree_nb.nets.folded import FoldedUNet
from lensfree_nb.nets.grader import Grader
from lensfree_nb.nets.registry import load_network, save_network
from lensfree_nb.refocus.refocus import refocus
from lensfree_nb.refocus.restore import restore
from lensfree_nb.refocus.sort import sort
from tests import seeds


@pytest.fixture
def networks(tmp_path):
    """A sorter and a restorer, untrained."""
    grades = {"kind": "grader", "features": 4, "depth": 2, "inputs": 1, "outputs": 3}
    draws = {"kind": "folded", "features": 4, "depth": 2, "corrects": 1, "inputs": 2, "outputs": 1}
    yield {
        "sorter": save_network(
            Grader(1, 3, features=4, depth=2), {**grades, "task": "sort", "edges": [0.5, 2.0]},
            tmp_path / "sorter.safetensors",
        ),
        "restorer": save_network(
            FoldedUNet(2, 1, features=4, depth=2, corrects=1), {**draws, "task": "restore"},
            tmp_path / "restorer.safetensors",
        ),
    }  # fmt: skip
    load_network.cache_clear()


@pytest.fixture
def images():
    rng = np.random.default_rng(seeds.PIXELS)
    return xr.Dataset({"image": (("position", "y", "x"), rng.random((2, 60, 70)))})


def test_images_are_sorted_then_restored(images, networks):
    found = images.lf.refocus(**networks)
    wanted = restore(sort(images, networks["sorter"]), networks["restorer"])
    xr.testing.assert_equal(found, wanted)
    assert {"restored", "focus"} <= set(found)
    assert found.lf.refocus(**networks, everything=True)["was_restored"].all()


def test_what_was_sorted_before_is_not_sorted_again(images, networks):
    sorted_by_hand = images.assign(focus=("position", [1.0, 0.0]), defocus=("position", [0.0, 3.0]))
    found = refocus(sorted_by_hand, **networks)
    assert found["was_restored"].values.tolist() == [False, True]
    assert found["focus"].values.tolist() == [1.0, 0.0]


def test_what_cannot_be_is_refused(images, networks):
    with pytest.raises(ParameterError, match="are for holograms"):
        refocus(images, 1000.0, **networks)
    with pytest.raises(ParameterError, match="are for holograms"):
        refocus(images, extended=True, **networks)
    with pytest.raises(DimensionError, match="neither hologram nor image"):
        refocus(images.drop_vars("image"))
    both = images.assign(hologram=(("wavelength", "y", "x"), np.ones((1, 60, 70))))
    with pytest.raises(DimensionError, match="hologram and image"):
        refocus(both)
