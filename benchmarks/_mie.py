"""Simulated microspheres against Mie's theory: how far a sphere may be taken for a thin object."""

from __future__ import annotations

import numpy as np
from _harness import Row, row
from _references import mie_hologram
from _seeds import TEST

from lensfree_nb.microscope import Setup
from lensfree_nb.simulate.acquisition import acquire
from lensfree_nb.simulate.instrument import Instrument
from lensfree_nb.simulate.standards import microspheres

WATER, VACUUM_UM, DISTANCE_UM, PITCH_UM, SIDE = 1.333, 0.53, 1000.0, 0.8, 160
INDEX = {"as a cell, n = 1.375": 1.375, "silica": 1.46, "polystyrene": 1.59}
DIAMETERS_UM = (1.0, 3.0, 10.0)
SOURCE = "simulated against Mie's series; python benchmarks/simulator.py"


def spheres() -> list[Row]:
    """RMS difference of the two holograms over the RMS contrast of Mie's."""
    return [
        row(
            f"sphere of {d:g} um, {name}: off Mie by",
            100 * gap(d, n),
            "% of contrast",
            None,
            SOURCE,
        )
        for name, n in INDEX.items()
        for d in DIAMETERS_UM
    ]


def gap(diameter_um: float, index: float) -> float:
    """How far a simulated sphere's hologram is from Mie's, relative to its contrast."""
    setup = Setup((VACUUM_UM * 1e3,), PITCH_UM, (DISTANCE_UM,), medium_index=WATER)
    instrument = Instrument(setup=setup, lines=1, fill=1e-6, oversampling=4)
    rng = np.random.default_rng(TEST["simulator"])
    sphere = microspheres(
        (SIDE, SIDE), diameter_um, index, rng=rng, medium_index=WATER, count=1,
        pixel_size_um=PITCH_UM,
    )  # fmt: skip
    ds = acquire(sphere, (SIDE, SIDE), rng=rng, instrument=instrument)
    y, x = (
        ds[axis].values - float(sphere[f"{axis}_um"][0] + sphere[f"anchor_d{axis}_um"][0])
        for axis in "yx"
    )
    off_axis = np.hypot(y[:, None], x[None])
    expected = mie_hologram(diameter_um, index, WATER, VACUUM_UM, DISTANCE_UM, off_axis)
    found = ds["hologram"].values[0]
    return float(np.sqrt(np.mean((found - expected) ** 2) / np.mean((expected - 1) ** 2)))
