"""Weak phase objects of no particular kind to learn focus from: patches, threads, dots and grain.

What defocus does to an image does not hang on what is in it. These are imaged by the transfer
function of ``simulate.weak_object``: of any look, any contrast, any noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from lensfree_nb.simulate.objective import OBJECTIVES
from lensfree_nb.simulate.weak_object import weak_image
from lensfree_nb.train.focus_images import Planes, any_objective, distances

OBJECTS: Final = 71
# Depths of field: how far parts lie at most above and below the plane that is called in focus.
DEEP: Final = 0.5
Floats = NDArray[np.float64]
# Standard deviations (px) of what patches, threads, dots, grain and the light's course are made of.
PATCH_PX, THREAD_PX, DOT_PX, GRAIN_PX, LIGHT_PX = (4, 40), (0.5, 2), (0.5, 2), (0.5, 3), (60, 200)
# Share of the field that patches cover; threads and dots in it.
COVER, THREADS, DOTS = (0.03, 0.5), (5, 60), (20, 2000)
# Of the image: contrast, and how strong light's course and noise are beside it.
CONTRAST, LIGHT, NOISE = (0.02, 0.2), (0.02, 1.0), (0.01, 1.0)


@dataclass(frozen=True, slots=True)
class ObjectSource:
    """Fields by their number, in several planes; as ``train.focus_images.FocusSource``."""

    seed: int
    field_px: int = 512
    planes: int = 4
    sharp: int | None = None
    gap: bool = True

    def field(self, number: int) -> Planes:
        """All planes of a field."""
        rng = np.random.default_rng([self.seed, OBJECTS, number])
        objective = any_objective(OBJECTIVES["10x/0.30"], rng)
        pitch, side = objective.pixel_size_um, self.field_px
        parts = torch.from_numpy(any_object(side, rng))
        depths = rng.uniform(-DEEP, DEEP) * rng.uniform(-1, 1, len(parts))

        def imaged(phases: torch.Tensor, z: float) -> torch.Tensor:
            """Each part at its own depth; z in depths of field."""
            planes = (z + depths) * objective.depth_of_field_um
            each = [
                weak_image(part, pitch, objective, 0, float(plane)) - 1
                for part, plane in zip(phases, planes, strict=True)
            ]
            return 1 + torch.stack(each).sum(0)

        sharp = imaged(parts, 0.0)
        # As weak as it must be, whatever its image looks like.
        strength = _any(CONTRAST, rng) / max(float(sharp.std()), 1e-9)
        away = distances(rng, self.planes, self.sharp, self.gap)
        sides = rng.choice([-1, 1], self.planes)
        light = _unit(gaussian_filter(rng.standard_normal((side, side)), _any(LIGHT_PX, rng)))
        course, noise = _any(LIGHT, rng), _any(NOISE, rng)

        def seen(z: float) -> Floats:
            flat = imaged(parts * strength, z).numpy()
            return flat + course * float(flat.std()) * light

        truth = seen(0.0)
        grain = noise * truth.std()
        images = [seen(float(z)) + rng.normal(0, grain, truth.shape) for z in sides * away]
        held = torch.from_numpy(np.stack(images).astype(np.float32))[:, None]
        told = torch.from_numpy(truth.astype(np.float32))[None]
        return Planes(held, torch.from_numpy(away).float(), told)


def any_object(side: int, rng: np.random.Generator) -> Floats:
    """Phases (part, y, x; any unit) of these, each as strong as chance has it."""
    parts = [_patches(side, rng), _threads(side, rng), _dots(side, rng), _grain(side, rng)]
    weights = rng.dirichlet(np.full(len(parts), 0.5))
    return np.stack([w * _unit(part) for w, part in zip(weights, parts, strict=True)])


def _patches(side: int, rng: np.random.Generator) -> Floats:
    """Areas with soft rims, rough within."""
    rough = gaussian_filter(rng.standard_normal((side, side)), _any(PATCH_PX, rng), mode="wrap")
    inside = rough > np.quantile(rough, 1 - _any(COVER, rng))
    soft = gaussian_filter(inside.astype(float), rng.uniform(0.5, 3), mode="wrap")
    return soft * (1 + rng.uniform(0, 0.5) * _unit(_grain(side, rng)))


def _threads(side: int, rng: np.random.Generator) -> Floats:
    """Lines that bend slowly."""
    found = np.zeros((side, side))
    for _ in range(int(_any(THREADS, rng))):
        turns = np.cumsum(rng.normal(0, rng.uniform(0.01, 0.1), 2 * side)) + rng.uniform(0, 7)
        steps = np.stack([np.sin(turns), np.cos(turns)]).cumsum(1) + rng.uniform(0, side, (2, 1))
        np.add.at(found, tuple(steps.round().astype(int) % side), rng.uniform(0.3, 1))
    return gaussian_filter(found, _any(THREAD_PX, rng), mode="wrap")


def _dots(side: int, rng: np.random.Generator) -> Floats:
    found = np.zeros(side * side)
    chosen = rng.integers(side * side, size=int(_any(DOTS, rng)))
    np.add.at(found, chosen, rng.exponential(1, len(chosen)))
    return gaussian_filter(found.reshape(side, side), _any(DOT_PX, rng), mode="wrap")


def _grain(side: int, rng: np.random.Generator) -> Floats:
    return gaussian_filter(rng.standard_normal((side, side)), _any(GRAIN_PX, rng), mode="wrap")


def _any(between: tuple[float, float], rng: np.random.Generator) -> float:
    """Between two numbers, the smaller the likelier."""
    low, high = between
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def _unit(values: Floats) -> Floats:
    """Zero mean and unit deviation; what is flat is 0."""
    made: Floats = (values - values.mean()) / max(float(values.std()), 1e-9)
    return made
