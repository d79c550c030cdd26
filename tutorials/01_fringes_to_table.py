# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From fringes to a table of cells
#
# A lens-free microscope records holograms: the light that living cells scatter, a millimetre
# before it is in focus. This notebook opens three colours of them, finds the distance, inverts
# them, and measures every cell. The holograms here are **simulated**, so that the truth is known;
# with your own files, replace the second cell by
# `ds = lf.open_acquisition("day1/*.tif", wavelength_nm=(640, 530, 450), pixel_size_um=1.67)`.

# %%
import lensfree_nb as lf
from lensfree_nb.simulate.acquisition import example

# %%
ds, truth = example(frames=1, size_px=384)
ds

# %% [markdown]
# ## Where is the sample?
#
# At the right distance, few and simple cells explain the hologram. `find_distance` compares the
# objective that a short inversion reaches; `distance_curve` shows it.

# %%
curve = ds.lf.distance_curve([700, 800, 900, 950, 1000, 1050, 1100, 1250, 1400])
curve.plot(marker="o")

# %%
ds = ds.lf.find_distance(range_um=(800, 1250))
print(f"found {float(ds.distance):.1f} um, simulated {ds.attrs['simulated_distance_um']:.0f} um")

# %% [markdown]
# ## Invert
#
# The result carries its unit (nm), how much of the hologram's contrast stays unexplained
# (`residual`), and whether a frame may be `trusted`.

# %%
rec = ds.lf.reconstruct("inverse", iterations=60).lf.segment()
rec

# %%
rec.lf.figure(rec.lf.cells(), holograms=ds)

# %% [markdown]
# ## Measure
#
# One row a cell, units in the names. Cells that the frame's border cuts are flagged.

# %%
cells = rec.lf.cells()
cells.head()

# %% [markdown]
# ## Against the simulated truth

# %%
lf.compare(cells, truth).round(3)
