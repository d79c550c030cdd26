"""Real images in focus to learn from, taken out of it by the model of ``simulate.weak_object``.

Simulated cells are smoother or rougher than real ones, and have no nucleoli and no thin processes.
These are the T98G cells of Tsai et al., SoftwareX 9, 230 (2019): 26 frames at 10x, split by file.
They do not come with the package; LENSFREE_DATA says where they lie.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.transform import rescale

from lensfree_nb.errors import ParameterError
from lensfree_nb.simulate.objective import OBJECTIVES
from lensfree_nb.simulate.weak_object import defocused
from lensfree_nb.train.focus_images import Planes, any_objective, distances

PLACE: Final = "LENSFREE_DATA"
FRAMES: Final = Path("cells", "phase_contrast_manual_masks")
PIXEL_UM: Final = 0.8708
# By the number of their file: what is learned from, and what is validated on. Others are for tests.
SPLIT: Final = {"train": range(1, 17), "validation": range(17, 22), "test": range(22, 27)}
# Not stated of the frames: what a 10x objective for phase contrast may have.
APERTURES: Final = (0.25, 0.3)
ZOOM: Final = 2.0
# Of the image's standard deviation: white noise as a camera adds it, in focus and out of it.
NOISE: Final = (0.001, 0.5)
REAL: Final = 61


@dataclass(frozen=True, slots=True)
class FrameSource:
    """Fields by their number, each seen in several planes.

    Parameters
    ----------
    seed : int
        Of everything random.
    part : {"train", "validation", "test"}
        Which frames.
    field_px, planes, sharp, gap
        As of :class:`~lensfree_nb.train.focus_images.FocusSource`.

    Raises
    ------
    ParameterError
        If the frames are not there.
    """

    seed: int
    part: str = "train"
    field_px: int = 512
    planes: int = 4
    sharp: int | None = None
    gap: bool = True

    def __post_init__(self) -> None:
        """Better told now than in the middle of a training."""
        if missing := [path for path in self.files if not path.is_file()]:
            raise ParameterError(
                f"there is no {missing[0].name} under {PLACE}: set it to the folder of the real "
                "images, or real_every to 0"
            )

    @property
    def files(self) -> list[Path]:
        """Where the frames lie."""
        folder = Path(os.environ.get(PLACE, "../shared/data")) / FRAMES
        return [folder / f"set{number:02d}_phase.tif" for number in SPLIT[self.part]]

    def field(self, number: int) -> Planes:
        """All planes of a field: a part of a frame, turned finer or coarser."""
        rng = np.random.default_rng([self.seed, REAL, number])
        files = self.files
        frame = read_frame(files[number % len(files)])
        coarsest = max(1 / ZOOM, (self.field_px + 1) / (min(frame.shape) - 1))
        zoom = float(np.exp(rng.uniform(math.log(coarsest), math.log(ZOOM))))
        taken = min(math.ceil(self.field_px / zoom) + 1, *frame.shape)
        y, x = (int(rng.integers(n - taken + 1)) for n in frame.shape)
        part = rescale(frame[y : y + taken, x : x + taken], zoom, order=3, anti_aliasing=zoom < 1)
        image = torch.from_numpy(part[: self.field_px, : self.field_px].astype(np.float32))
        pitch = PIXEL_UM / zoom
        objective = replace(
            any_objective(OBJECTIVES["10x/0.30"], rng), aperture=float(rng.uniform(*APERTURES)),
            pixel_size_um=pitch,
        )  # fmt: skip
        away = distances(rng, self.planes, self.sharp, self.gap)
        sides = rng.choice([-1, 1], self.planes)
        seen = torch.stack(
            [
                defocused(image, pitch, objective, 0, float(z * objective.depth_of_field_um))
                for z in sides * away
            ]
        )
        noise = math.exp(rng.uniform(*np.log(NOISE))) * float(image.std())
        grain = torch.from_numpy(rng.normal(0, noise, tuple(seen.shape)).astype(np.float32))
        return Planes((seen + grain)[:, None], torch.from_numpy(away).float(), image[None])


@lru_cache(maxsize=32)
def read_frame(path: Path) -> NDArray[np.float32]:
    """Over the full scale of 16 bits."""
    from skimage.io import imread

    counts: NDArray[np.uint16] = imread(path)
    return counts.astype(np.float32) / np.float32(np.iinfo(np.uint16).max)
