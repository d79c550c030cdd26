"""Restorers trained side by side, to be compared: as many samples each, of the same fields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from _restorers import Pair, field_in_planes
from _seeds import TRAIN, TUNE

from lensfree_nb.nets.registry import ModelSpec, find_model
from lensfree_nb.simulate.focus_stack import CONDITIONS, DEFOCUS_UM
from lensfree_nb.simulate.objective import OBJECTIVES
from lensfree_nb.train.focus_images import Planes
from lensfree_nb.train.loop import Training
from lensfree_nb.train.recipe import read_recipe
from lensfree_nb.train.restoring import Restoring

# Of the recipes: the paper's two, and ours.
THEIRS: Final = {"U-Net": "valid-unet", "ResUNet": "resunet"}
OURS: Final = "restore"
BATCH: Final = 8
SEEDS: Final = {"seed": TRAIN["restore"], "validation_seed": TUNE["restore"]}
# Two fields in three are of the 18 conditions, one is a part of a real frame.
FIELDS: Final = {"microscopes": "paper", "real_every": 3, "random_every": 0}


@dataclass(frozen=True)
class Size:
    """How much each learns, and of fields of what size."""

    samples: int
    field_px: int = 512
    patch_px: int = 256
    shelf_fields: int = 36
    validation_fields: int = 6

    def told(self) -> dict[str, int]:
        """As a task takes it."""
        names = ("field_px", "patch_px", "shelf_fields", "validation_fields")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class StatedPlanes:
    """Fields of one objective, each in the same planes (um from the focus); as `FocusSource`."""

    seed: int
    objective: str
    planes_um: tuple[float, ...]
    field_px: int
    device: str

    def field(self, number: int) -> Planes:
        """All planes of a field."""
        mine = [n for n, one in enumerate(CONDITIONS) if one.objective == self.objective]
        rng = np.random.default_rng([self.seed, number])
        ds = field_in_planes(
            mine[number % len(mine)], rng, self.field_px, self.planes_um, self.device
        )
        images, truth = (torch.from_numpy(ds[name].values) for name in ("image", "truth_image"))
        away = np.abs(self.planes_um) / OBJECTIVES[self.objective].depth_of_field_um
        return Planes(images, torch.from_numpy(away).float(), truth)


@dataclass
class AtStatedPlanes(Restoring):
    """Examples of stated planes alone."""

    objective: str = ""
    planes_um: tuple[float, ...] = ()

    def source(self, seed: int) -> Any:
        """Those fields."""
        return StatedPlanes(seed, self.objective, self.planes_um, self.field_px, self.device)


def equal(name: str, features: int | None, size: Size, folder: Path, device: str) -> ModelSpec:
    """By its own recipe: loss, optimiser and rate; the data and their number are everybody's."""
    recipe = read_recipe(name)
    data = {**recipe.data, **FIELDS, **SEEDS, **size.told()}
    network = dict(recipe.network) | ({} if features is None else {"features": features})
    return _trained(name, Restoring(**data, device=device), network, data, size, folder, device)


def of_planes(
    objective: str, planes_um: tuple[float, ...], features: int, size: Size, folder: Path,
    device: str,
) -> ModelSpec:  # fmt: skip
    """Ours, told no distance, of some planes alone."""
    recipe = read_recipe(OURS)
    own = {"objective": objective, "planes_um": planes_um}
    data = {
        **{name: value for name, value in recipe.data.items() if name not in FIELDS},
        **SEEDS, **size.told(), "conditioned": False, "planes": len(planes_um), "sharp": 0,
    }  # fmt: skip
    network = {**recipe.network, "features": features}
    told = "_".join(f"{z:g}" for z in planes_um if z > 0)
    name = f"{objective.partition('/')[0]}_{told}um"
    task = AtStatedPlanes(**data, **own, device=device)
    return _trained(name, task, network, {**data, **own}, size, folder, device)


def planes_of(objective: str) -> Iterator[tuple[float, ...]]:
    """All planes of Xue 2021 out of focus, and those of each distance."""
    planes = tuple(z for z in DEFOCUS_UM[objective] if z)
    yield planes
    for far in sorted({abs(z) for z in planes}):
        yield (-far, far)


def of_objective(pairs: list[Pair], objective: str) -> list[Pair]:
    """Those seen through it."""
    return [pair for pair in pairs if pair.what.endswith(objective)]


def _trained(
    name: str, task: Restoring, network: dict[str, Any], data: dict[str, Any], size: Size,
    folder: Path, device: str,
) -> ModelSpec:  # fmt: skip
    """From nothing, or on from where it was left; its rate falls to zero at the end."""
    recipe = read_recipe(name if name in THEIRS.values() else OURS)
    steps = -(-size.samples // BATCH)
    schedule = replace(
        recipe.schedule, steps=steps, batch=BATCH, validate_every=-(-steps // 4),
        warmup=min(recipe.schedule.warmup, steps // 10),
    )  # fmt: skip
    recipe = replace(recipe, name=name, network=network, data=data, schedule=schedule)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / f"{name}.checkpoint.safetensors"
    training = Training(recipe, checkpoint, device, lambda line: print(line, flush=True), task)
    training.run()
    return find_model(str(training.export(folder)))
