"""Simulating and training run where hardly anything is installed."""

import subprocess
import sys

import pytest

from lensfree_nb.train.recipe import recipe_names

SPARE = (
    "dask", "distributed", "holoviews", "panel", "bokeh", "datashader", "zarr", "tifffile",
    "pooch", "pyarrow", "typer", "tqdm", "imagecodecs", "matplotlib", "ipywidgets", "laptrack",
    "statsmodels", "pint", "h5py",
)  # fmt: skip
CODE = """
import sys
sys.modules.update(dict.fromkeys(sys.argv[1:]))  # as if they were not there
import numpy as np
from lensfree_nb.simulate import CONDITIONS, acquire, culture, focus_stack, microspheres
from lensfree_nb.train.patches import PatchSource
rng = np.random.default_rng(0)
ds = acquire(culture((96, 96), rng=rng, kinds={"round": 0.2}), (96, 96), rng=rng)
assert ds["hologram"].dims == ("wavelength", "y", "x")
cells = CONDITIONS[0].cells((64, 64), rng=rng)
assert focus_stack(cells, (64, 64), (0.0,), rng=rng)["image"].shape == (1, 1, 64, 64)
source = PatchSource(0, field_px=128, bank_cells=30, iterations=2)
assert source.field(0).hologram.shape == (1, 3, 128, 128)
print("done")
"""
TRAIN = """
import dataclasses, sys, tempfile
from pathlib import Path
sys.modules.update(dict.fromkeys(sys.argv[2:]))
from inspect import signature
from lensfree_nb.nets.registry import find_model, load_network
from lensfree_nb.train.tasks import TASKS
from lensfree_nb.train.loop import Training
from lensfree_nb.train.recipe import read_recipe
recipe = read_recipe(sys.argv[1])
small = dict(field_px=128, patch_px=64, shelf_fields=2, validation_fields=1, bank_cells=30,
             real_every=0)
known = signature(TASKS[recipe.task]).parameters
small = {name: value for name, value in small.items() if name in known}
brief = dataclasses.replace(
    recipe.schedule, steps=4, batch=2, validate_every=2,
    spread_steps=min(recipe.schedule.spread_steps, 1),
    spread_fields=min(recipe.schedule.spread_fields, 2),
)
# As wide as the paper's a restorer takes half a minute a step.
narrow = recipe.network | {"features": min(recipe.network["features"], 16)}
recipe = dataclasses.replace(recipe, network=narrow, data=recipe.data | small, schedule=brief)
folder = Path(tempfile.mkdtemp())
for minutes in (0, 9):
    training = Training(recipe, folder / "c.safetensors", "cpu")
    training.run(minutes)
assert training.step == 4
load_network(find_model(training.export(folder)), "cpu")
print("done")
"""


def test_nothing_but_torch_and_the_scientific_core_is_needed():
    assert_runs(CODE)


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_runs_there(name):
    assert_runs(TRAIN, name)


def assert_runs(code, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments, *SPARE],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.split()[-1:] == ["done"], done.stderr
