"""Real phase contrast images: 26 frames in focus, split by file, and a stack through the focus."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.io import imread

from lensfree_nb.simulate.objective import OBJECTIVES, Objective
from lensfree_nb.simulate.weak_object import defocused
from lensfree_nb.train.real_frames import FRAMES, PIXEL_UM, SPLIT, read_frame

# Human motor neurons (Christiansen et al., Cell 173, 792 (2018)): for tests alone.
STACK: Final = Path("cells", "phase_contrast_focus_stack")
PLANES: Final = 13
SHARPEST: Final = 6


def frames(folder: Path, part: str) -> list[NDArray[np.float32]]:
    """Images (y, x) over their full scale."""
    return [read_frame(folder / FRAMES / f"set{n:02d}_phase.tif") for n in SPLIT[part]]


def masks(folder: Path, part: str) -> list[NDArray[np.integer]]:
    """Who each pixel belongs to, outlined by hand."""
    return [imread(folder / FRAMES / f"set{n:02d}_masks.tif") for n in SPLIT[part]]


def stack(folder: Path) -> list[NDArray[np.float32]]:
    """One field in 13 planes; the step is not stated."""
    return [read_frame(folder / STACK / f"phase_z{n:02d}.png") for n in range(PLANES)]


def objective() -> Objective:
    """What the 26 frames may have been seen through: their aperture is not stated."""
    return replace(OBJECTIVES["10x/0.30"], pixel_size_um=PIXEL_UM)


def out_of_focus(image: NDArray[np.float32], defocus_um: float) -> NDArray[np.float32]:
    """A real image as it would be out of focus, by the model of ``simulate.weak_object``."""
    made = defocused(torch.from_numpy(image), PIXEL_UM, objective(), 0, defocus_um)
    return made.numpy()
