"""What a sorter is shown of images, what its logits say, and images that nobody could judge."""

import math

import numpy as np
import pytest
import torch
import xarray as xr
from scipy import ndimage

from lensfree_nb.errors import ModelError, ParameterError
from lensfree_nb.nets.grader import Grader
from lensfree_nb.nets.registry import find_model, load_network, save_network
from lensfree_nb.nets.sdcnn import SDCNN
from lensfree_nb.refocus import verdict as verdicts
from lensfree_nb.refocus.sort import sort
from lensfree_nb.refocus.verdict import fitted, judged, shown, standardised, verdict
from tests import seeds

EDGES = [0.25, 0.5, 1.0, 2.0]


@pytest.fixture
def sharp():
    """Images (position, y, x) as a camera of 16 bits counts them: sharp, blurred, and flat."""
    rough = np.random.default_rng(seeds.PIXELS).random((70, 90))
    light = 30_000 + 20_000 * rough
    return np.stack([light, ndimage.gaussian_filter(light, 2), np.full_like(light, 500)])


@pytest.fixture
def grader(tmp_path):
    torch.manual_seed(seeds.PIXELS)
    net = Grader(1, len(EDGES) + 1, features=4, depth=2)
    torch.nn.init.normal_(net.voice.weight)
    options = {
        "kind": "grader", "features": 4, "depth": 2, "fold": 2, "inputs": 1,
        "outputs": len(EDGES) + 1, "task": "sort", "edges": EDGES, "temperature": 2.0,
    }  # fmt: skip
    yield save_network(net, options, tmp_path / "grader.safetensors")
    load_network.cache_clear()


def test_images_are_shown_as_the_paper_shows_them():
    torch.manual_seed(seeds.PIXELS)
    images = 7 + 3 * torch.rand(2, 1, 536, 536, dtype=torch.float64)
    given = shown(images, {"inputs": 3, "side_px": 134})
    assert given.shape == (2, 3, 134, 134)
    torch.testing.assert_close(given[:, 0], given[:, 2])
    torch.testing.assert_close(given.mean((1, 2, 3)), torch.zeros(2).double(), atol=1e-9, rtol=0)
    torch.testing.assert_close(given.std((1, 2, 3), correction=0), torch.ones(2).double())
    # A quarter of the size: of four pixels in a row the middle ones, as TensorFlow resizes.
    middle = images[..., 1::4, :] + images[..., 2::4, :]
    middle = (middle[..., 1::4] + middle[..., 2::4]) / 4
    torch.testing.assert_close(fitted(images, 134), middle)
    torch.testing.assert_close(fitted(images, 134, "crop"), images[..., 201:335, 201:335])
    assert fitted(images[..., :100, :], 134, "crop").shape == (2, 1, 134, 134)
    assert float(standardised(torch.full((1, 8, 8), 3.1)).abs().max()) == 0
    assert float(standardised(torch.zeros(1, 8, 8)).abs().max()) == 0
    # The scale is free: counts of 16 bits, or these over their full scale.
    torch.testing.assert_close(standardised(images / 65_535), standardised(images))


def test_logits_of_grades_become_a_probability_a_distance_and_its_error():
    shares = torch.tensor([0.5, 0.25, 0.25, 0.0, 0.0])
    told = verdict(shares.log(), {"edges": EDGES})
    assert told.focus == pytest.approx(0.75)
    assert told.certainty == pytest.approx(1 + 0.75 * math.log2(0.75) + 0.25 * math.log2(0.25))
    middles = np.array([0.125, 0.375, 0.75])
    weights = shares[:3].numpy()
    assert told.defocus == pytest.approx(middles @ weights)
    assert told.spread == pytest.approx(np.sqrt(weights @ (middles - told.defocus) ** 2))
    two = verdict(torch.tensor([0.9, 0.1]).log(), {})
    assert two.focus == pytest.approx(0.9)
    assert math.isnan(two.defocus)
    cooler = verdict(torch.tensor([0.9, 0.1]).log(), {"temperature": 3.0})
    assert 0.5 < cooler.focus < two.focus


def test_grades_that_came_seldom_count_as_if_all_had_come_as_often():
    options = {"edges": EDGES, "grade_shares": [0.6, 0.1, 0.1, 0.1, 0.1]}
    # A network that sees nothing says how often each came: then either side is as likely.
    nothing = verdict(torch.tensor(options["grade_shares"]).log(), options)
    assert nothing.focus == pytest.approx(0.5)
    assert nothing.certainty == pytest.approx(0, abs=1e-6)
    inside, outside = np.mean([0.125, 0.375]), np.mean([0.75, 1.5, 2.5])
    assert nothing.defocus == pytest.approx((inside + outside) / 2)
    sure = verdict(torch.tensor([0.98, 0.01, 0.005, 0.0025, 0.0025]).log(), options)
    assert 0.5 < sure.focus < 0.99


def test_large_images_are_judged_in_parts_that_add_up(grader, monkeypatch):
    net = load_network(grader, "cpu")
    image = torch.rand(1, 96, 160, generator=torch.Generator().manual_seed(seeds.PIXELS))
    monkeypatch.setattr(verdicts, "PART_PX", 64)
    with torch.inference_mode():
        found = judged(net, image)
        parts = [
            net.votes(image[None, :, y : y + 64, x : x + 64]) for y in (0, 64) for x in (0, 64, 128)
        ]
        torch.testing.assert_close(found, (sum(p[0] for p in parts) / sum(p[1] for p in parts))[0])


def test_every_image_gets_its_verdict_and_flat_ones_none(grader, sharp, no_compute):
    ds = xr.Dataset({"image": (("position", "y", "x"), sharp.astype(np.uint16))})
    eager = sort(ds, grader)
    with no_compute():
        lazy = sort(ds.chunk({"position": 1, "y": 40}), grader)
    xr.testing.assert_equal(lazy.compute(), eager)
    assert eager["trusted"].values.tolist() == [True, True, False]
    assert eager["focus"].isnull().values.tolist() == [False, False, True]
    for name in ("focus", "focus_certainty", "defocus", "defocus_se"):
        assert eager[name].dims == ("position",)
        assert eager[name].attrs["units"] == "1"
    assert bool((eager["defocus_se"][:2] > 0).all())
    torch.testing.assert_close(
        float(eager["focus"][0]),
        verdict(judged(load_network(grader, "cpu"), shown(
            torch.from_numpy(sharp[:1, None].astype(np.uint16).astype(float)), grader.options
        )[0].float()), {"edges": EDGES, "temperature": 2.0}).focus, rtol=1e-4, atol=1e-6,
    )  # fmt: skip


def test_neither_exposure_nor_scale_changes_a_verdict_and_gaps_are_borne(grader, sharp):
    ds = xr.Dataset({"image": (("position", "y", "x"), sharp[:2])})
    first = sort(ds, grader)
    again = sort(ds.assign(image=ds["image"] / 65_535), grader)
    xr.testing.assert_allclose(again["focus"], first["focus"], rtol=1e-4)
    gaps = ds["image"].where(ds["image"]["x"] > 9)
    assert bool(sort(ds.assign(image=gaps), grader)["trusted"].all())
    assert not bool(sort(ds.assign(image=ds["image"].where(ds["x"] > 80)), grader)["trusted"].any())
    assert not bool(sort(ds.isel(y=slice(20)), grader)["trusted"].any())


def test_only_networks_that_sort_are_taken(grader, sharp, tmp_path):
    ds = xr.Dataset({"image": (("position", "y", "x"), sharp)})
    with pytest.raises(ParameterError, match="measure is for quantify"):
        sort(ds, "measure")
    with pytest.raises(ModelError, match="network"):
        sort(ds, "no such network")
    wrong = (
        {"edges": [0.5, 0.25]}, {"edges": [0.5]}, {"edges": "far"}, {"temperature": 0.0},
        {"edges": [0.25, 0.5], "grade_shares": [0.5, 0.5]},
        {"edges": [0.25, 0.5], "grade_shares": [0.5, 0.5, 0.0]}, {"fit": "squeeze"}, {"side_px": 0},
    )  # fmt: skip
    for number, said in enumerate(wrong):
        options = {"kind": "sdcnn", "features": 2, "inputs": 1, "outputs": 3, "task": "sort"} | said
        path = tmp_path / f"{number}.safetensors"
        save_network(SDCNN(1, 3, features=2), options, path)
        with pytest.raises(ModelError, match="damaged"):
            find_model(path)
