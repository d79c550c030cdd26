"""A sorter of one's own, from a few tagged images."""

import numpy as np
import pytest
import torch
import xarray as xr
from scipy import ndimage

import lensfree_nb as lf
from lensfree_nb.errors import DataError, DimensionError, ParameterError
from lensfree_nb.nets.grader import Grader
from lensfree_nb.nets.registry import load_network, read_card, save_network
from lensfree_nb.nets.sdcnn import SDCNN
from lensfree_nb.refocus.sort import sort
from lensfree_nb.train.tagged import Tagged
from tests import seeds

EDGES = [0.25, 0.5, 1.0]


@pytest.fixture
def grader(tmp_path):
    torch.manual_seed(seeds.PIXELS)
    said = {"kind": "grader", "features": 4, "depth": 2, "fold": 1, "inputs": 1, "outputs": 4}
    net = Grader(1, 4, features=4, depth=2, fold=1)
    yield save_network(net, said | {"task": "sort", "edges": EDGES}, tmp_path / "g.safetensors")
    load_network.cache_clear()


def pictures(count, seed):
    """Half of them sharp; of any brightness."""
    rng = np.random.default_rng(seed)
    sharp = np.arange(count) % 2 == 0
    light = [ndimage.gaussian_filter(rng.random((64, 70)), 0.5 if s else 1.5) for s in sharp]
    images = np.stack([rng.uniform(10, 1000) * each for each in light])
    return xr.Dataset({"image": (("position", "y", "x"), images)}), sharp


def test_it_learns_what_was_tagged(tmp_path, grader):
    ds, sharp = pictures(24, seeds.PIXELS)
    tags = [bool(tag) for tag in sharp]
    tags[3] = None
    lines = []
    mine = lf.train_sorter(
        ds, tags, tmp_path / "mine.safetensors", network=grader, steps=80, learning_rate=5e-3,
        device="cpu", say=lines.append,
    )  # fmt: skip
    unseen, truth = pictures(20, seeds.FRAMES)
    found = sort(unseen, mine)["focus"].values
    assert ((found > 0.5) == truth).all()
    card = read_card(mine.name)
    assert card["data"]["images"] == 23
    assert card["training"]["command"] == "lensfree_nb.train_sorter"
    assert "annotated" in card["training"]["truth"]
    assert "auc" in lines[-1]
    assert not list(tmp_path.glob(".*"))


def test_a_sorter_of_two_classes_learns_from_whole_images(tmp_path):
    torch.manual_seed(seeds.PIXELS)
    said = {"kind": "sdcnn", "features": 8, "inputs": 1, "outputs": 2, "task": "sort"}
    spec = save_network(SDCNN(1, 2, features=8), said | {"side_px": 64}, tmp_path / "s.safetensors")
    ds, sharp = pictures(12, seeds.PIXELS)
    mine = lf.train_sorter(
        ds, sharp, tmp_path / "mine.safetensors", network=spec, steps=3, say=lambda line: None
    )
    assert mine.options["side_px"] == 64
    load_network.cache_clear()


def test_grades_and_classes_say_the_same_of_the_focus():
    ds, sharp = pictures(8, seeds.PIXELS)
    images = ds["image"].values[:, None]
    graded = Tagged(images, sharp, {"inputs": 1, "outputs": 4, "edges": EDGES}, seeds.SHAPES)
    logits = torch.tensor([[0.4, 0.2, 0.3, 0.1]]).log()
    assert float(graded.in_focus(logits).sigmoid()) == pytest.approx(0.6)
    plain = Tagged(images, sharp, {"inputs": 1, "outputs": 2}, seeds.SHAPES)
    assert float(plain.in_focus(torch.tensor([[0.7, 0.3]]).log()).sigmoid()) == pytest.approx(0.7)


def test_nothing_held_back_is_learned_from_and_kinds_are_even():
    ds, sharp = pictures(20, seeds.PIXELS)
    numbered = (
        ds["image"].values[:, None] * 0 + np.arange(70) + 100 * np.arange(20)[:, None, None, None]
    )
    task = Tagged(numbered, sharp, {"inputs": 1, "outputs": 2}, seeds.SHAPES, patch_px=32)
    assert len(task._held) == 4
    learned = {number for mine in task._learned for number in mine}
    assert learned | set(task._held) == set(range(20))
    assert not learned & set(task._held)
    inputs, truth = task.batch(0, 6)
    assert inputs.shape == (6, 1, 32, 32)
    assert truth.flatten().tolist() == [1, 0] * 3
    assert torch.equal(inputs, task.batch(0, 6)[0])


def test_what_cannot_be_learned_is_refused(tmp_path, grader):
    ds, sharp = pictures(6, seeds.PIXELS)
    path = tmp_path / "mine.safetensors"

    def train(images=ds, tags=sharp, where=path, **said):
        lf.train_sorter(images, tags, where, network=said.pop("network", grader), **said)

    with pytest.raises(DimensionError, match="6 images and 5 tags"):
        train(tags=sharp[:5])
    with pytest.raises(DataError, match="no tag"):
        train(tags=[2, 0, 1, 0, 1, 0])
    with pytest.raises(DataError, match="no tag"):
        train(tags=["yes"] * 6)
    with pytest.raises(DataError, match="1 images are tagged as out of focus"):
        train(tags=[True, True, True, False, None, None])
    with pytest.raises(DataError, match="image 2 has unknown pixels"):
        train(images=ds.where(xr.DataArray(np.arange(6) != 2, dims="position")))
    with pytest.raises(DimensionError, match="one image"):
        train(images=ds.isel(position=0))
    with pytest.raises(ParameterError, match="safetensors"):
        train(where=tmp_path / "mine.pt")
    with pytest.raises(ParameterError, match="is for quantify"):
        train(network="measure")
    assert not path.exists()


def test_where_nothing_is_gained_it_says_so(tmp_path, grader):
    ds, sharp = pictures(8, seeds.PIXELS)
    lines = []
    lf.train_sorter(
        ds, sharp, tmp_path / "m.safetensors", network=grader, minutes=1e-9, say=lines.append
    )
    assert lines[-1] == "m: nothing was gained; it does as g does"
    lf.train_sorter(
        ds, sharp, tmp_path / "m.safetensors", network=grader, steps=40, learning_rate=5e-3,
        say=lines.append,
    )  # fmt: skip
    assert "nothing was gained" not in lines[-1]
