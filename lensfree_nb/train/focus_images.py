"""Images in and out of focus to learn from: simulated cultures through objectives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lensfree_nb.simulate.camera import Camera
from lensfree_nb.simulate.focus_stack import CONDITIONS, ORGANELLES, Condition, focus_stack
from lensfree_nb.simulate.objective import OBJECTIVES, Objective

# Depths of field: of what is called in focus, and of what is called out of it.
IN_FOCUS, OUT_OF_FOCUS = (0.0, 0.25), (0.75, 6.0)
# About the 300 of Xue 2021.
PER_MM2: Final = (150.0, 500.0)
FIELDS: Final = 31
# Wavelengths: about what Marechal calls well corrected (Born & Wolf, §9.3: an rms of 1/14).
SPHERICAL: Final = 0.15
Microscopes = Literal["paper", "any"]


class Planes(NamedTuple):
    """A field: images (plane, 1, y, x), how far each is from the focus, and the truth (1, y, x).

    Distances are in depths of field; the truth is in focus and without noise.
    """

    images: Tensor
    away: Tensor
    truth: Tensor


@dataclass(frozen=True, slots=True)
class FocusSource:
    """Fields by their number, each seen in several planes.

    Parameters
    ----------
    seed : int
        Of everything random.
    field_px : int
        Side of a field.
    planes : int
        How many each is seen in.
    sharp : int, optional
        How many of these are in focus; half of them by default.
    microscopes : {"paper", "any"}
        The 18 conditions of Xue 2021 in turn, or any objective around theirs.
    gap : bool
        Whether nothing lies between in and out of focus, as of images that were sorted by eye; else
        all distances up to the farthest occur.
    device : str
        Where torch works.
    """

    seed: int
    field_px: int = 536
    planes: int = 4
    sharp: int | None = None
    microscopes: Microscopes = "paper"
    gap: bool = True
    device: str = "auto"

    def field(self, number: int) -> Planes:
        """All planes of a field."""
        rng = np.random.default_rng([self.seed, FIELDS, number])
        condition = CONDITIONS[number % len(CONDITIONS)]
        objective = OBJECTIVES[condition.objective]
        organelles = ORGANELLES
        if self.microscopes == "any":
            objective, organelles = any_objective(objective, rng), float(rng.uniform(0, ORGANELLES))
        shape = (self.field_px, self.field_px)
        # In pixels of the preset, which a condition counts in.
        scale = objective.pixel_size_um / OBJECTIVES[condition.objective].pixel_size_um
        side = math.ceil(self.field_px * scale)
        cells = condition.cells((side, side), rng=rng, density_per_mm2=rng.uniform(*PER_MM2))
        away = self.distances(rng, condition)
        sides = rng.choice([-1, 1], self.planes)
        ds = focus_stack(
            cells, shape, tuple(sides * away * objective.depth_of_field_um), rng=rng,
            objective=objective, surface=condition.substrate, organelles=organelles,
            device=self.device,
        )  # fmt: skip
        images, truth = (torch.from_numpy(ds[name].values) for name in ("image", "truth_image"))
        return Planes(images, torch.from_numpy(away).float(), truth)

    def distances(self, rng: np.random.Generator, condition: Condition) -> NDArray[np.float64]:
        """Of the planes of a field from the focus (depths of field)."""
        return distances(rng, self.planes, self.sharp, self.gap)


def distances(
    rng: np.random.Generator, planes: int, sharp: int | None, gap: bool
) -> NDArray[np.float64]:
    """Of planes from the focus (depths of field), the first in it: half where no number is given.

    Others at any distance, the nearer the likelier, or, with a gap, none where one might doubt.
    """
    sharp = _sharp(planes, sharp)
    near = rng.uniform(*IN_FOCUS, sharp)
    low = OUT_OF_FOCUS[0] if gap else IN_FOCUS[1]
    far = np.exp(rng.uniform(math.log(low), math.log(OUT_OF_FOCUS[1]), planes - sharp))
    return np.concatenate([near, far])


def grade_shares(edges: Sequence[float], planes: int, sharp: int | None = None) -> list[float]:
    """How often :func:`distances` without a gap draws each grade between edges (depths of field).

    >>> [round(share, 3) for share in grade_shares([0.25, 1.0], 4)]
    [0.5, 0.218, 0.282]
    """
    share = _sharp(planes, sharp) / planes
    low, high = IN_FOCUS[1], OUT_OF_FOCUS[1]

    def below(edge: float) -> float:
        far = math.log(min(max(edge, low), high) / low) / math.log(high / low)
        return share * min(edge / low, 1.0) + (1 - share) * far

    return [below(b) - below(a) for a, b in pairwise([0.0, *edges, high])]


def _sharp(planes: int, sharp: int | None) -> int:
    return planes - planes // 2 if sharp is None else sharp


def any_objective(like: Objective, rng: np.random.Generator) -> Objective:
    """An objective around one of the paper's: each of its numbers drawn at random.

    Apertures of 0.25 to 0.5, pixels of 0.35 to 1.05 times ``lambda / 2 NA``, 500 to 600 nm in bands
    of 20 to 100 nm, rings and plates of other places, widths and strengths, spherical aberration
    of up to 0.15 wavelengths, and cameras of 8 to 16 bits with wells of 8000 to 30 000 electrons.
    """
    aperture, wavelength = float(rng.uniform(0.25, 0.5)), float(rng.uniform(500, 600))
    inner, width = float(rng.uniform(0.4, 0.6)), float(rng.uniform(0.07, 0.15))
    beyond = float(rng.uniform(0.02, 0.06))
    bits = int(rng.choice([8, 12, 16]))
    return replace(
        like,
        aperture=aperture,
        pixel_size_um=float(rng.uniform(0.35, 1.05)) * wavelength * 1e-3 / (2 * aperture),
        wavelength_nm=(wavelength,),
        bandwidth_nm=float(rng.uniform(20, 100)),
        illumination=(inner, inner + width),
        plate=(inner - beyond, inner + width + beyond),
        transmission=float(rng.uniform(0.35, 0.7)),
        spherical_waves=float(rng.uniform(-SPHERICAL, SPHERICAL)),
        camera=Camera(
            full_well_e=float(rng.uniform(8_000, 30_000)), exposure=float(rng.uniform(0.25, 0.6)),
            read_noise_e=float(rng.uniform(2, 10)), bits=bits,
        ),
    )  # fmt: skip
