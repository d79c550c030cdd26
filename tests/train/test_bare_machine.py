"""Simulating and training run where hardly anything is installed."""

import subprocess
import sys

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


def test_nothing_but_torch_and_the_scientific_core_is_needed():
    done = subprocess.run(
        [sys.executable, "-c", CODE, *SPARE], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "done", done.stderr
