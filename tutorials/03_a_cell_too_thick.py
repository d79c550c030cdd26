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
# # A cell too thick for its wavelength
#
# A cell that is about to divide rounds up: what was 60 nm flat becomes a ball of 600. Light tells
# phase only up to whole waves, so 600 nm and 600 less one wave look much the same, and an
# inversion that starts from nothing finds the thin answer first and stays there. The cell that
# matters most comes out at a fraction of its mass. This notebook follows one such cell from fringes
# to optical path difference, sees it lost, and gets it back. Everything below is **simulated**.

# %%
import holoviews as hv
import numpy as np
import pandas as pd

import lensfree_nb as lf
from lensfree_nb.nets.registry import read_card

hv.extension("bokeh", logo=False)
SENSOR = (384, 384)  # px

# %% [markdown]
# ## A dish with dividing cells
#
# One cell in ten is round. The microscope is the `paper` preset: uneven light, dust, colours that
# do not lie on top of each other, a 12-bit camera.

# %%
cells = lf.simulate.culture(
    SENSOR, 200, rng=np.random.default_rng(30), kinds={"round": 0.1}, margin_um=165
)
raw = lf.simulate.acquire(cells, SENSOR, rng=np.random.default_rng(31), instrument="paper")
ds = lf.acquisition(
    raw["hologram"], wavelength_nm=raw["wavelength"], pixel_size_um=1.67, distance_um=1000,
    background="frame", dark=lf.simulate.PRESETS["paper"].camera.offset,
    source_diameter_um=50, source_distance_mm=50, bandwidth_nm=20,
)  # fmt: skip
ds = ds.lf.register()

inside = [
    cells[c].between(40, n * 1.67 - 40) for c, n in zip(("y_um", "x_um"), SENSOR, strict=True)
]
rounded = cells[(cells["kind"] == "round") & inside[0] & inside[1]]
hero = rounded.loc[rounded["max_opd_nm"].idxmax()]
hero[["y_um", "x_um", "dry_mass_pg", "max_opd_nm"]]


# %%
def picture(image, title, **options):
    """One map with its scale in micrometres."""
    reach = [n * 1.67 for n in SENSOR]
    made = hv.Image(np.asarray(image)[::-1], bounds=(0, 0, reach[1], reach[0]))
    chosen = {"cmap": "viridis", "clim": (0, 500), "colorbar": True} | options
    return made.opts(
        title=title, frame_width=280, aspect="equal", invert_yaxis=True, xlabel="x (um)",
        ylabel="y (um)", **chosen,
    )  # fmt: skip


green = ds["hologram"][1]
picture(green, "green hologram", cmap="gray", clim=(0.5, 1.6)) + picture(
    raw["truth_opd"], "simulated truth: OPD (nm)"
)

# %% [markdown]
# ## What light alone can tell
#
# `inverse` asks for the simplest sample that explains the fringes. Flat cells come out well. Look
# at the balls.

# %%
alone = ds.lf.reconstruct("inverse", iterations=100, residual_map=True)
picture(alone["opd"], "inverse: OPD (nm)") + picture(
    alone["opd"] - raw["truth_opd"], "less the truth (nm)", cmap="coolwarm", clim=(-300, 300)
)

# %% [markdown]
# Why? Along a line through the thickest cell the light's field is the same for `L` and for
# `L` plus a wavelength. Three colours together are not so easily fooled, since no two wavelengths
# have a common multiple in reach; but between the thin answer and the right one lies a hill, and an
# inversion only walks downhill.

# %%
thickness = np.linspace(0, 1000, 400)
field = {
    f"{wavelength:.0f} nm": np.cos(2 * np.pi * thickness / wavelength)
    for wavelength in ds["wavelength"].values
}
hv.Overlay(
    [hv.Curve((thickness, value), "OPD (nm)", "field", label=name) for name, value in field.items()]
).opts(width=600, height=240, legend_position="right", title="the same field, again and again")

# %% [markdown]
# ## What knows how cells look
#
# `accelerated` stops the inversion after ten iterations, asks a network that has seen a great many
# simulated cells which answer is meant, and goes on from there for ten more, so that the result
# answers to the hologram again. The network is shown what every colour's light says at the sample,
# not only the first guess.

# %%
quick = ds.lf.reconstruct("accelerated", residual_map=True)
picture(quick["opd"], "accelerated: OPD (nm)") + picture(
    quick["opd"] - raw["truth_opd"], "less the truth (nm)", cmap="coolwarm", clim=(-300, 300)
)

# %%
row = round(hero["y_um"] / 1.67)
near = slice(int(hero["x_um"] / 1.67) - 20, int(hero["x_um"] / 1.67) + 21)
x_um = np.arange(*near.indices(SENSOR[1])) * 1.67
profiles = {
    "simulated truth": raw["truth_opd"], "inverse": alone["opd"], "accelerated": quick["opd"],
}  # fmt: skip
hv.Overlay(
    [
        hv.Curve((x_um, image.values[row, near]), "x (um)", "OPD (nm)", label=name)
        for name, image in profiles.items()
    ]
).opts(width=600, height=280, legend_position="right", title="through the thickest cell")


# %% [markdown]
# In numbers: the optical volume of every round cell, over the truth.


# %%
def volume(image, cell):
    """Sum of OPD over a disc a little larger than the cell."""
    y, x = np.mgrid[: SENSOR[0], : SENSOR[1]] * 1.67
    near = np.hypot(y - cell["y_um"], x - cell["x_um"]) < cell["major_axis_um"] / 2 + 4
    return float(np.asarray(image)[near].sum())


pd.DataFrame(
    {
        "max OPD (nm)": rounded["max_opd_nm"].round(),
        **{
            name: [
                round(volume(image, cell) / volume(raw["truth_opd"], cell), 2)
                for _, cell in rounded.iterrows()
            ]
            for name, image in list(profiles.items())[1:]
        },
    }
)

# %% [markdown]
# ## Would you have known?
#
# Without a truth, the hologram itself tells. Around a cell that came out a wave too thin, fringes
# stay unexplained: with `residual_map=True`, `trusted` is a map, and cells that lie where it is
# False are not trusted in the table.

# %%
flagged = {"inverse": alone, "accelerated": quick}
hv.Layout(
    [
        picture(found["trusted"], f"{name}: trusted", cmap="gray", clim=(0, 1), colorbar=False)
        for name, found in flagged.items()
    ]
)

# %%
pd.DataFrame(
    {
        name: {
            "residual": float(found["residual"]),
            "share of pixels trusted": float(found["trusted"].mean()),
        }
        for name, found in flagged.items()
    }
).round(3)

# %% [markdown]
# ## How far to believe the network
#
# The network knows simulated cells only. Its card says what it was trained on and where it ends.
# Every number can be changed: `prior` says how much the second inversion believes the network
# beside the data, `iterations=0` leaves the second inversion out, `network=` takes your own
# weights, and `reference` lets the network draw twice and in eight orientations, and goes on until
# nothing moves any more, for up to 153 iterations instead of 10.

# %%
card = read_card("accelerate")
print(card["purpose"])
print(card["limits"])

# %% [markdown]
# The whole line against the simulated truth, cells cut by the border left out:

# %%
table = quick.lf.cells()
seen = cells[cells["y_um"].between(0, 640) & cells["x_um"].between(0, 640)]
lf.compare(table[~table["edge"]], seen.assign(frame=0)).round(3)
