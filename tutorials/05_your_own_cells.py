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
# # A few annotated frames of your own cells
#
# A network knows what it was shown. Cells of another kind may still be found, and measured with a
# bias that no score on familiar cells tells. A few annotated frames mend that in minutes, on a
# laptop. Here the cells are **simulated** discs with a dimple, as red blood cells are, which the
# network `measure` has never met; the annotation is the simulated truth. Yours would come from
# your own hand, or from a pipeline that you trust.

# %%
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import lensfree_nb as lf
from lensfree_nb.dashboards.disagreements import disagreements
from lensfree_nb.nets.registry import read_card
from lensfree_nb.simulate.render import Field, draw

SENSOR, NOISE_NM = (320, 400), 1.5  # px


# %%
def dish(seed, frames):
    """OPD with noise, and the simulated truth of every frame."""
    images, truths = [], []
    for frame in range(frames):
        rng = np.random.default_rng([seed, frame])
        cells = lf.simulate.culture(SENSOR, 600, rng=rng, kinds={"red_cell": 1.0}, margin_um=20.0)
        opd = draw(cells, Field(SENSOR, 1.67))[0].numpy()
        images.append(opd + NOISE_NM * rng.standard_normal(SENSOR))
        truths.append(lf.simulate.within(cells, SENSOR).assign(frame=frame))
    return lf.from_opd(np.stack(images), pixel_size_um=1.67), pd.concat(truths, ignore_index=True)


annotated, table = dish(seed=31, frames=3)
unseen, truth = dish(seed=32, frames=2)
print(f"{len(table)} annotated cells; {len(truth)} others to be judged by")

# %% [markdown]
# ## Before

# %%
before = lf.validate(unseen.lf.quantify().lf.cells(), truth, against="simulated truth")
before

# %% [markdown]
# ## A few minutes of learning
#
# The last quarter of every frame is held back: from it the best weights are chosen, the threshold
# of detection, and how far the standard errors are to be stretched.

# %%
folder = Path(tempfile.mkdtemp())
mine = lf.fine_tune(annotated, table, folder / "red_cells.safetensors", steps=150, minutes=3)

# %% [markdown]
# ## After, on frames that it has not seen

# %%
cells = unseen.lf.quantify(mine).lf.cells()
after = lf.validate(cells, truth, against="simulated truth")
after

# %%
scores = ["precision", "recall", "r2", "bias_percent", "mad"]
pd.concat({"before": before.overall[scores], "after": after.overall[scores]}, axis=1).round(3)

# %% [markdown]
# What is still amiss, as it looks; and everything on one page, for whoever is to believe it:

# %%
disagreements(unseen, after)

# %%
page = lf.write_validation_page(after, folder / "red_cells.html", ds=unseen)
print(page.name, f"{page.stat().st_size / 1024:.0f} kB")

# %% [markdown]
# A network that was taught red cells is a network for red cells: judge it anew on everything else
# that you show it. Its card says where it began, and what it was taught.

# %%
card = read_card(str(folder / "red_cells.safetensors"))
print(card["purpose"])
print({name: card["data"][name] for name in ("frames", "cells", "seed")})
