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
# # My experiment
#
# Fill in the path and the microscope; everything else runs as it is.

# %%
from pathlib import Path

import lensfree_nb as lf

HOLOGRAMS = "day1/*.tif"  # one file a colour and time, or multi-page, ImageJ, OME-TIFF, Zarr
RESULTS = Path("results")
MICROSCOPE = {
    "wavelength_nm": (640, 530, 450),
    "pixel_size_um": 1.67,
    "source_diameter_um": 50,
    "source_distance_mm": 50,
    "bandwidth_nm": 20,
}

# %%
if not list(Path().glob(HOLOGRAMS)):  # nothing to open yet: simulated holograms stand in
    from lensfree_nb.io.instrument_files import write_instrument_files
    from lensfree_nb.simulate.acquisition import example

    write_instrument_files(example(frames=1, size_px=256)[0], Path("simulated"))
    HOLOGRAMS = "simulated/*.tif"

ds = lf.open_acquisition(HOLOGRAMS, **MICROSCOPE)
ds

# %%
ds = ds.isel(time=slice(0, 1)).compute().lf.find_distance(range_um=(700, 1400))
rec = ds.lf.reconstruct(iterations=50).lf.segment()
cells = rec.lf.cells()
lf.write_cells(cells, RESULTS)
rec.lf.figure(cells, holograms=ds)
