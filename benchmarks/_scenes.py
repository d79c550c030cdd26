"""Simulated scenes to reconstruct, prepared as a user would prepare what the camera gave."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import xarray as xr
from _harness import data_folder

from lensfree_nb.io.acquisition import acquisition
from lensfree_nb.io.samples import SAMPLES
from lensfree_nb.reconstruct.find_distance import find_distance
from lensfree_nb.reconstruct.register import register
from lensfree_nb.reconstruct.tilt import find_tilt
from lensfree_nb.simulate.acquisition import acquire
from lensfree_nb.simulate.dish import culture
from lensfree_nb.simulate.instrument import PRESETS, Instrument
from lensfree_nb.simulate.measured_cells import MeasuredCells
from lensfree_nb.simulate.truth import measured

MARGIN_UM, PIXEL_UM = 165.0, 1.67
# "About a millimetre", as a data sheet would say.
ABOUT_UM = (700.0, 1400.0)
HL60_PIXEL_UM, HL60_WAVELENGTH_NM, HL60_VIEWS = 0.139, 647.0, 140
ROUNDED, EVEN_NM = ("round", "suspended"), (300.0, 1000.0)


@dataclass(frozen=True)
class Scene:
    """A kind of culture.

    Rounded cells are as thick as 300 to 1000 nm, evenly. `measured` is the share of HL60 cells,
    whose phase was measured from all sides.
    """

    name: str
    density_per_mm2: float
    kinds: dict[str, float] = field(default_factory=dict)
    size_px: int = 768
    fields: int = 1

    def cells(self, rng: np.random.Generator, size_px: int) -> pd.DataFrame:
        """One row a cell, with its truth."""
        bank = hl60() if "measured" in self.kinds else None
        found = culture(
            (size_px, size_px), self.density_per_mm2, rng=rng, kinds=self.kinds,
            margin_um=MARGIN_UM, measured_cells=bank,
        )  # fmt: skip
        rounded = found["kind"].isin(ROUNDED)
        if not rounded.any():
            return found
        height = np.where(rounded, rng.uniform(*EVEN_NM, len(found)), found["height_nm"])
        return measured(found.assign(height_nm=height), conserve=True)

    def acquired(
        self, instrument: str | Instrument, rng: np.random.Generator, size_px: int
    ) -> tuple[xr.Dataset, pd.DataFrame]:
        """Raw frame with its truth, and its cells."""
        cells = self.cells(rng, size_px)
        bank = hl60() if "measured" in self.kinds else None
        shape = (size_px, size_px)
        raw = acquire(cells, shape, rng=rng, instrument=instrument, measured_cells=bank)
        return raw, cells


ADHERENT = Scene("adherent 255/mm2, 5 % round", 255, {"round": 0.05}, 1024, 2)
CROWDED = Scene("crowded 527/mm2, 5 % round", 527, {"round": 0.05})
UNSEEN = Scene("shapes unseen in training", 200, {"doublet": 0.3, "anaphase": 0.3, "measured": 0.3})
SCENES = (
    ADHERENT,
    CROWDED,
    Scene("suspension 255/mm2", 255, {"suspended": 1.0}),
    UNSEEN,
)


def hl60(sides: int = 10) -> MeasuredCells:
    """OPD of one HL60 cell from some of its 140 sides."""
    import h5py

    path = data_folder() / SAMPLES["hl60_opd_views"].path
    with tarfile.open(path, "r:xz") as tar, h5py.File(tar.extractfile("series.h5")) as series:
        views = [series[f"qpi_{n}/phase/raw"][:] for n in range(0, HL60_VIEWS, HL60_VIEWS // sides)]
    to_nm = HL60_WAVELENGTH_NM / (2 * np.pi)
    return MeasuredCells.of([view * to_nm for view in views], HL60_PIXEL_UM)


def opened(raw: xr.Dataset, preset: str) -> xr.Dataset:
    """The raw frame as a dataset: background divided, distance, shifts and tilt found.

    Nothing is told but what is printed on an instrument.
    """
    camera = PRESETS[preset].camera
    counts = camera.bits is not None
    ds = acquisition(
        raw["hologram"], wavelength_nm=raw["wavelength"], pixel_size_um=PIXEL_UM,
        background="frame" if counts else None, dark=camera.offset if counts else None,
        source_diameter_um=raw.attrs["source_diameter_um"],
        source_distance_mm=raw.attrs.get("source_distance_mm"),
        bandwidth_nm=raw.attrs["bandwidth_nm"],
    )  # fmt: skip
    # The shifts are found at the distance, and the distance is found better without the shifts.
    near = find_distance(ds, range_um=ABOUT_UM, criterion="network")
    found = find_distance(register(near), range_um=ABOUT_UM, criterion="network")
    if any(PRESETS[preset].slope_um_per_mm):
        found = find_tilt(found, criterion="network")
    return found
