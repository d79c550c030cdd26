"""The same on a GPU as on a processor, where there is one.

Written for a bare machine: ``python -m pytest -m gpu --noconftest tests/test_gpu.py`` needs torch,
numpy, scipy, scikit-image, xarray, safetensors and pytest alone.
"""

from dataclasses import replace
from inspect import signature

import numpy as np
import pytest
import torch

from lensfree_nb.nets.registry import find_model, load_network
from lensfree_nb.reconstruct.find_distance import find_distance
from lensfree_nb.reconstruct.methods import Backpropagation, Inverse
from lensfree_nb.reconstruct.parameters import checked_parameters, method_kernel
from lensfree_nb.reconstruct.reconstruct import reconstruct
from lensfree_nb.reconstruct.register import register
from lensfree_nb.simulate import CONDITIONS, OBJECTIVES, PRESETS, acquire, culture, focus_stack
from lensfree_nb.simulate.camera import Camera
from lensfree_nb.simulate.objective import images
from lensfree_nb.train.loop import Training
from lensfree_nb.train.patches import PatchSource
from lensfree_nb.train.recipe import read_recipe, recipe_names
from lensfree_nb.train.tasks import TASKS
from tests import seeds

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device here"),
]


def rng(seed=seeds.CELLS):
    return np.random.default_rng(seed)


def apart(one, other):
    """RMS difference of two images over the RMS of the first."""
    one, other = (np.asarray(image, float) for image in (one, other))
    return np.sqrt(np.mean((one - other) ** 2) / np.mean(one**2))


@pytest.fixture(scope="module")
def frames():
    """One frame of a noiseless microscope, made on either device."""
    clean = replace(PRESETS["paper"], camera=Camera(), dust_per_mm2=0.0, surface_nm=0.0)
    cells = culture((256, 256), rng=rng(), kinds={"round": 0.2}, margin_um=165.0)
    return [
        acquire(cells, (256, 256), rng=rng(), instrument=clean, device=device)
        for device in ("cpu", "cuda")
    ]


def test_holograms(frames):
    here, there = frames
    assert apart(here["hologram"] - 1, there["hologram"] - 1) < 1e-4
    assert apart(here["truth_opd"], there["truth_opd"]) < 1e-5


def named(method, **parameters):
    """A method with a network, as the verb would make it."""
    return method_kernel(method, checked_parameters(method, parameters, 0.5))


@pytest.mark.parametrize(
    "method",
    [
        Inverse(20), Inverse(10, periodic=True), Backpropagation(),
        named("accelerated", precision="float32"),
        named("reference", precision="float32", iterations=40),
    ],
)  # fmt: skip
def test_methods(frames, method):
    hologram = torch.from_numpy(frames[0]["hologram"].values)
    here, there = (
        method(hologram.to(device), PRESETS["paper"].setup) for device in ("cpu", "cuda")
    )
    assert apart(here.opd_nm, there.opd_nm.cpu()) < 5e-3
    assert apart(here.misfit, there.misfit.cpu()) < 5e-3


def test_half_precision_stays_close(frames):
    hologram = torch.from_numpy(frames[0]["hologram"].values).cuda()
    exact, close = (
        named("accelerated", precision=precision)(hologram, PRESETS["paper"].setup).opd_nm
        for precision in ("float32", "auto")
    )
    assert not torch.equal(exact, close)
    assert apart(exact.cpu(), close.cpu()) < 0.02


@pytest.fixture(scope="module")
def dusty(frames):
    """The frame at its distance, with a speck that lets no light through."""
    ds = frames[0].assign_coords(distance=1000.0)
    ds["hologram"].loc[{"y": slice(200.0, 215.0), "x": slice(200.0, 215.0)}] *= 0.05
    return ds


def test_tiles_maps_and_dust(dusty):
    here, there = (
        reconstruct(
            dusty, "accelerated", tile_px=tile_px, residual_map=True, precision="float32",
            device=device,
        )
        for device, tile_px in (("cpu", None), ("cuda", 128))
    )  # fmt: skip
    assert apart(here["opd"], there["opd"]) < 1e-2
    assert apart(here["residual_map"].fillna(0), there["residual_map"].fillna(0)) < 2e-2
    assert float((here["trusted"] == there["trusted"]).mean()) > 0.99
    for made in (here, there):
        speck = made.sel(y=208.0, x=208.0, method="nearest")
        assert not bool(speck["trusted"])
        assert np.isnan(speck["residual_map"])


@pytest.mark.parametrize("criterion", ["inversion", "network"])
def test_distances(frames, criterion):
    here, there = (
        find_distance(
            frames[0], range_um=(900.0, 1100.0), criterion=criterion, device=device
        )["distance"]
        for device in ("cpu", "cuda")
    )  # fmt: skip
    assert abs(float(here) - float(there)) < 1.0


def test_places_of_the_colours(frames):
    ds = frames[0].assign_coords(distance=1000.0)
    here, there = (register(ds, device=device) for device in ("cpu", "cuda"))
    for axis in ("shift_y", "shift_x"):
        np.testing.assert_allclose(here[axis], there[axis], atol=0.02)


@pytest.mark.parametrize("name", recipe_names())
def test_training_is_left_and_taken_up(name, tmp_path):
    recipe = read_recipe(name)
    small = {"field_px": 128, "patch_px": 64, "shelf_fields": 2, "validation_fields": 1}
    # Real frames are not there.
    small |= {"bank_cells": 30, "real_every": 0}
    known = signature(TASKS[recipe.task]).parameters
    small = {name: value for name, value in small.items() if name in known}
    brief = replace(recipe.schedule, steps=6, batch=4, validate_every=3)
    recipe = replace(recipe, data=recipe.data | small, schedule=brief)
    checkpoint = tmp_path / "c.safetensors"
    halfway = replace(recipe, schedule=replace(brief, steps=3))
    Training(halfway, checkpoint, "cuda").run()
    training = Training(recipe, checkpoint, "cuda")
    assert training.step == 3
    training.run()
    assert [row["step"] for row in training.history] == [3, 6]
    network = load_network(find_model(training.export(tmp_path)), "cuda")
    assert next(network.parameters()).device.type == "cuda"


def test_objectives():
    opd = torch.from_numpy(rng().uniform(0, 80, (96, 112)).astype(np.float32))
    here, there = (
        images(opd.to(device), torch.zeros_like(opd, device=device), OBJECTIVES["10x/0.30"], 0,
               (-10.0, 0.0), 0.37)
        for device in ("cpu", "cuda")
    )  # fmt: skip
    assert apart(here - 1, there.cpu() - 1) < 1e-3


def test_focus_stacks_are_made():
    cells = CONDITIONS[0].cells((96, 96), rng=rng())
    ds = focus_stack(cells, (96, 96), (-10.0, 10.0), rng=rng(), device="cuda")
    assert np.isfinite(ds["image"]).all()


def test_patches():
    clean = replace(PRESETS["plain"], camera=Camera())
    source = PatchSource(seeds.CELLS, field_px=256, bank_cells=80, instrument=clean, device="cpu")
    here, there = source.field(2), replace(source, device="cuda").field(2)
    for name in ("truth_opd_nm", "hologram", "opd_nm"):
        assert getattr(there, name).device.type == "cuda"
        assert apart(getattr(here, name), getattr(there, name).cpu()) < 5e-3
    assert here.cells["kind"].equals(there.cells["kind"])
    np.testing.assert_allclose(here.cells["dry_mass_pg"], there.cells["dry_mass_pg"], rtol=1e-4)
