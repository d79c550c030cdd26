# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Which images are in focus, and what becomes of the others
#
# A plate of wells takes an hour to image, and some of it is blurred. Here images are sorted by
# focus, the defocused ones restored as in Xue 2021, and held against the truth, which is known
# since everything in this notebook is **simulated**: cultures through an objective for phase
# contrast, by Abbe's theory.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr

import lensfree_nb as lf
from lensfree_nb.refocus.restore import GOOD_FOR
from lensfree_nb.simulate import CONDITIONS, focus_stack

SIDE, PLANES_UM = 320, (0.0, -10.0, 10.0, 20.0)


# %%
def wells(conditions, seed):
    """Images of some conditions in all planes; the truth of each in focus, without noise."""
    images, truths = [], []
    for number in conditions:
        condition, rng = CONDITIONS[number], np.random.default_rng([seed, number])
        stack = focus_stack(
            condition.cells((SIDE, SIDE), rng=rng), (SIDE, SIDE), PLANES_UM, rng=rng,
            objective=condition.objective, surface=condition.substrate,
        )  # fmt: skip
        images.append(
            stack["image"].assign_coords(position=[f"well {number}, {z:+g} um" for z in PLANES_UM])
        )
        truths.append(stack["truth_image"].expand_dims(position=len(PLANES_UM)))
    truth = xr.concat(truths, "position").values
    return xr.concat(images, "position").to_dataset(name="image"), truth


images, truth = wells((0, 4, 8), seed=41)
images

# %% [markdown]
# Your own images come from a folder, whatever the program that wrote them:
#
# ```python
# images = lf.open_images("plate1/*.tif", pixel_size_um=0.65)
# ```
#
# ## Sort, and restore what is blurred
#
# One verb does both. What is in focus stays as it is, to the bit.

# %%
found = images.lf.refocus()
told = ["focus", "focus_certainty", "defocus", "defocus_se", "was_restored"]
found[told].drop_vars("simulated_defocus").to_dataframe().round(2)

# %% [markdown]
# `focus` is the probability that an image lies within half a depth of field of the sharpest plane;
# `defocus` says how many depths of field it is off, to either side. At 10x and an aperture of 0.3
# one is 8 µm.

# %%
show = [0, 2, 3]
figure, axes = plt.subplots(3, len(show), figsize=(9, 9), constrained_layout=True)
for column, number in zip(axes.T, show, strict=True):
    rows = {
        str(found["position"].values[number]): found["image"][number, 0],
        "restored": found["restored"][number, 0], "simulated truth": truth[number, 0],
    }  # fmt: skip
    for axis, (title, picture) in zip(column, rows.items(), strict=True):
        axis.imshow(picture, cmap="gray")
        axis.set_title(title)
        axis.axis("off")

# %% [markdown]
# ## How good is it?
#
# Structural similarity to the truth, over the range of the truth, of each image before and after.

# %%
from lensfree_nb.evaluate.similarity import ssim

scores = [
    {
        "position": str(found["position"].values[n]),
        "before": ssim(found["image"].values[n, 0], true, data_range=np.ptp(true)),
        "after": ssim(found["restored"].values[n, 0], true, data_range=np.ptp(true)),
    }
    for n, true in enumerate(truth[:, 0])
]
pd.DataFrame(scores).round(3)

# %%
print(GOOD_FOR)

# %% [markdown]
# Deconvolution, the classical way, is a baseline: in phase contrast defocus turns contrast round,
# which no blur does.

# %%
classical = images.isel(position=[2]).lf.deconvolve(sigma_px=2.0, iterations=10)
ssim(classical["restored"].values[0, 0], truth[2, 0], data_range=np.ptp(truth[2, 0]))

# %% [markdown]
# ## A sorter of your own
#
# Where the network is unsure about your cells, tag a few images of either kind. The planes here are
# known; yours would be tagged by eye, in code or in the panel:
#
# ```python
# lf.focus_panel("my_plate").view       # in a notebook
# lf.focus_panel("my_plate").serve()    # in a browser, on this machine alone
# ```

# %%
folder = Path(tempfile.mkdtemp())
tags = [None if 0 < abs(z) < 10 else bool(z == 0) for z in images["simulated_defocus"].values]
mine = lf.train_sorter(images, tags, folder / "mine.safetensors", steps=20, say=print)

# %%
unseen, _ = wells((1,), seed=42)
unseen.lf.sort(mine)[["focus"]].drop_vars("simulated_defocus").to_dataframe().round(2)

# %%
written = lf.write_images(found, folder / "restored")
[path.name for path in written][-3:]

# %% [markdown]
# ## Holograms: any plane, and all at once
#
# A hologram holds its depth: the same verb back-propagates it to any distance. Of cells at several
# depths, such as plankton, `extended=True` takes the sharpest plane at every place, and says which.

# %%
rng = np.random.default_rng(43)
beads = lf.simulate.culture((256, 320), 60, rng=rng, kinds={"round": 1.0})
hologram = lf.simulate.acquire(beads, (256, 320), rng=rng)
planes = hologram.lf.refocus(np.arange(900.0, 1101.0, 50.0))
planes["amplitude"].sizes
