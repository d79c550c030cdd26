"""Images are drawn where they are defocused, and nowhere else; tiles show no seam."""

import dask
import numpy as np
import pytest
import torch
import xarray as xr

from lensfree_nb.errors import DataError, DimensionError, ExecutionError, ParameterError
from lensfree_nb.nets.folded import FoldedUNet
from lensfree_nb.nets.registry import load_network, save_network
from lensfree_nb.nets.resunet import ResUNet
from lensfree_nb.refocus.restore import GOOD_FOR, TOLD_IN, TYPICAL, RestoreTile, restore
from lensfree_nb.run.tiles import tile_grid
from tests import seeds

SHAPE = (150, 170)


@pytest.fixture
def ours(tmp_path):
    """A network that is told how far an image is from the focus, untrained."""
    torch.manual_seed(seeds.PIXELS)
    net = FoldedUNet(2, 1, features=4, depth=3, fold=2, corrects=1)
    torch.nn.init.normal_(net.last.weight, std=0.3)
    said = {
        "kind": "folded", "features": 4, "depth": 3, "fold": 2, "corrects": 1, "inputs": 2,
        "outputs": 1, "task": "restore",
    }  # fmt: skip
    yield save_network(net, said, tmp_path / "ours.safetensors")
    load_network.cache_clear()


@pytest.fixture
def theirs(tmp_path):
    torch.manual_seed(seeds.PIXELS)
    said = {"kind": "resunet", "features": 2, "inputs": 3, "outputs": 3, "task": "restore"}
    yield save_network(ResUNet(3, 3, features=2), said, tmp_path / "theirs.safetensors")
    load_network.cache_clear()


@pytest.fixture
def images():
    """Three images, of which the second is defocused and the third could not be judged."""
    rng = np.random.default_rng(seeds.PIXELS)
    counts = rng.integers(20_000, 40_000, (3, *SHAPE)).astype(np.uint16)
    return xr.Dataset(
        {
            "image": (("position", "y", "x"), counts, {"units": "counts"}),
            "focus": ("position", [0.9, 0.1, np.nan]),
            "defocus": ("position", [0.2, 2.5, np.nan]),
        },
        {"position": ["A1", "A2", "A3"], "well": ("position", [1, 2, 3])},
        {"pixel_size_um": 0.65},
    )


def test_only_what_is_defocused_is_drawn(images, ours):
    found = restore(images, ours)
    assert found["restored"].dims == images["image"].dims
    assert found["restored"].dtype == np.float32
    assert found["was_restored"].values.tolist() == [False, True, False]
    for kept in (0, 2):
        np.testing.assert_array_equal(found["restored"][kept], images["image"][kept])
    assert not np.allclose(found["restored"][1], images["image"][1])
    assert found["restored"].attrs["comment"] == GOOD_FOR
    assert found["restored"].attrs["units"] == "counts"
    assert found["well"].dims == ("position",)
    assert found["position"].values.tolist() == ["A1", "A2", "A3"]


def test_it_is_what_the_network_draws_of_a_standardised_image(images, ours):
    found = restore(images, ours, everything=True, tile_px=None)
    # Of what nobody could judge there is no distance to tell.
    assert found["was_restored"].values.tolist() == [True, True, False]
    given = images["image"][1].values.astype(float)
    level, spread = given.mean(), given.std()
    inputs = np.stack([(given - level) / spread, np.full(SHAPE, 2.5 / TOLD_IN)])
    with torch.inference_mode():
        drawn = load_network(ours, "cpu")(torch.from_numpy(inputs).float()[None])[0, 0]
    wanted = drawn.numpy() * spread + level
    assert np.abs(found["restored"][1].values - wanted).max() < 1e-5 * spread * 100


def test_of_sorters_that_know_in_and_out_alone_it_is_told_a_typical_distance(images, ours):
    plain = images.assign(defocus=images["defocus"] * np.nan)
    typical = images.assign(defocus=images["defocus"] * 0 + TYPICAL)
    found = restore(plain, ours)
    assert found["was_restored"].values.tolist() == [False, True, False]
    np.testing.assert_array_equal(found["restored"], restore(typical, ours)["restored"])


@pytest.mark.parametrize("tile_px", [48, 64, 96])
def test_tiles_show_no_seam(images, ours, tile_px):
    whole = restore(images, ours, tile_px=None)["restored"]
    tiled = restore(images, ours, tile_px=tile_px)["restored"]
    # Float32 holds counts of 40 000 to 0.004.
    np.testing.assert_allclose(tiled, whole, rtol=0, atol=0.02)


@pytest.mark.parametrize("chunks", [{"position": 1}, {"position": 2, "y": 64, "x": 64}])
def test_lazy_images_stay_lazy_and_give_the_same(images, ours, chunks):
    with dask.config.set(scheduler=_never):
        lazy = restore(images.chunk(chunks), ours, tile_px=96)
    assert lazy["restored"].chunks is not None
    now = restore(images, ours, tile_px=96)
    np.testing.assert_array_equal(lazy["restored"].compute(), now["restored"])


def test_colours_by_themselves_or_together(ours, theirs, images):
    grey = images["image"].astype(float).where(images["image"] > 20_010)
    colour = images.assign(image=xr.concat([grey, 2 * grey, 0.5 * grey + 7], "channel"))
    found = restore(colour, ours)
    assert found["restored"].dims == ("channel", "position", "y", "x")
    # Each on its own scale.
    one, two = found["restored"].isel(position=1, channel=[0, 1]).values
    np.testing.assert_allclose(two, 2 * one, rtol=1e-5)
    unknown = np.isnan(colour["image"].isel(position=1).values)
    assert unknown.any()
    np.testing.assert_array_equal(np.isnan(found["restored"].isel(position=1)), unknown)
    together = restore(colour.drop_vars("defocus"), theirs)
    assert together["was_restored"].values.tolist() == [False, True, False]
    with pytest.raises(DataError, match="draws 3 channels, the images have 1"):
        restore(images, theirs)


def test_one_image_and_images_over_time(images, ours):
    one = restore(images.isel(position=1, drop=True), ours)
    assert one["restored"].dims == ("y", "x")
    over_time = restore(images.drop_vars("position").rename(position="time"), ours)
    assert over_time["restored"].dims == ("time", "y", "x")
    np.testing.assert_array_equal(one["restored"], over_time["restored"][1])


def test_coordinates_that_were_left_over_do_not_matter(images, ours):
    found = restore(images.assign_coords(time=np.datetime64("2026-01-01")), ours)
    np.testing.assert_array_equal(found["restored"], restore(images, ours)["restored"])


def test_what_must_be_shown_whole_is_never_drawn_in_parts(theirs):
    kernel = RestoreTile(theirs, "cpu", "auto", 3, whole=True)
    part = tile_grid((64, 64), 32, 0)[0]
    with pytest.raises(ExecutionError, match="knows no tiles"):
        kernel(
            np.zeros((3, 32, 32)), np.zeros(3), np.ones(3), np.array(2.0), np.array(1), tile=part
        )


def test_a_flat_image_is_left_alone(images, ours):
    flat = images.assign(image=images["image"] * 0 + 7)
    found = restore(flat, ours, everything=True)
    assert not found["was_restored"].any()
    assert (found["restored"] == 7).all()


def test_what_cannot_be_is_refused(images, ours, tmp_path):
    with pytest.raises(DataError, match="no focus and no defocus; sort the images first"):
        restore(images[["image"]], ours)
    with pytest.raises(DataError, match="no defocus"):
        restore(images.drop_vars("defocus"), ours, everything=True)
    with pytest.raises(DimensionError):
        restore(images.rename(y="row"), ours)
    for said in ({"least_focus": 2.0}, {"everything": 1}, {"precision": "half"}, {"device": "tpu"}):
        with pytest.raises(ParameterError):
            restore(images, ours, **said)
    with pytest.raises(ParameterError, match="is for quantify"):
        restore(images, "measure")


def _never(*_, **__):
    raise AssertionError("computed")
