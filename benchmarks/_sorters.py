"""Sorters trained and tested side by side on images of the 18 conditions of Xue 2021."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch
import xarray as xr
from _harness import Row, row
from _seeds import FOLDS
from numpy.typing import NDArray
from scipy.stats import binomtest

from lensfree_nb.nets.registry import ModelSpec, find_model, load_network
from lensfree_nb.refocus.verdict import IN_FOCUS, judged, shown, verdict
from lensfree_nb.run.devices import working_on
from lensfree_nb.simulate.focus_stack import CONDITIONS, DEFOCUS_UM, Condition
from lensfree_nb.simulate.objective import OBJECTIVES
from lensfree_nb.train.focus_images import IN_FOCUS as SHARP
from lensfree_nb.train.focus_images import FocusSource
from lensfree_nb.train.loop import Training
from lensfree_nb.train.recipe import Recipe, Schedule
from lensfree_nb.train.sorting import area_under_curve
from lensfree_nb.train.tagged import Tagged
from lensfree_nb.train.train_sorter import train_sorter

PLANES, HELD_BACK = 4, 0.1
FOLD_COUNT: Final = 5
LEVELS: Final = 65_535
SIDE_PX: Final = 134
BATCH: Final = 4
# Passes through the images; in Xue 2021 up to 50, the rate halved after every five. There
# are fewer images a pass here, so that a rate lasts for more of them.
EPOCHS, HALVED = 36, 15
PLAIN: Final = {"task": "sort", "inputs": 1, "outputs": 2, "side_px": SIDE_PX, "fit": "resize"}
SDCNN, RESNET = "SDCNN", "ResNet50V2"
KINDS: Final[dict[str, dict[str, Any]]] = {SDCNN: {"kind": "sdcnn"}, RESNET: {"kind": "resnet50v2"}}
FEATURES, FEW_FEATURES = 64, 8
# Of distances. Those of Xue 2021 lie at 1.2, 1.4, 2.4 and 2.8 depths of field.
BANDS: Final = ((0, 0.25), (0.75, 1), (1, 1.5), (1.5, 3), (3, 6.1))
# As a user goes on training with own images: our sorter, from the weights that come with it.
TUNED_STEPS, FEW_STEPS, TUNED_RATE, TUNED_MINUTES = 600, 4, 5e-4, 60.0


class Pool(NamedTuple):
    """Images (image, 1, y, x; uint16 over the camera's full scale), and what each is.

    Away from the focus in depths of field.
    """

    images: NDArray[np.uint16]
    away: NDArray[np.float32]
    field: NDArray[np.int64]

    def some(self, chosen: NDArray[np.bool_]) -> Pool:
        """Those chosen."""
        return Pool(*(part[chosen] for part in self))

    @property
    def sharp(self) -> NDArray[np.bool_]:
        """Whether each is in focus."""
        return self.away < IN_FOCUS

    @property
    def condition(self) -> NDArray[np.int64]:
        """Which of the 18 each is of."""
        return self.field % len(CONDITIONS)

    @property
    def fold(self) -> NDArray[np.int64]:
        """All images of a field are in one, and of each condition as many in each."""
        return self.field // len(CONDITIONS) % FOLD_COUNT


@dataclass(frozen=True, slots=True)
class Published(FocusSource):
    """Half of the planes in focus, the others at the distances of Xue 2021, one each."""

    def distances(self, rng: np.random.Generator, condition: Condition) -> NDArray[np.float64]:
        """Of the planes of a field from the focus (depths of field)."""
        planes_um = np.array([z for z in DEFOCUS_UM[condition.objective] if z > 0])
        far = planes_um / OBJECTIVES[condition.objective].depth_of_field_um
        return np.concatenate([rng.uniform(*SHARP, self.planes - len(far)), far])


def pool(
    fields_each: int, field_px: int, keep: Path | None, device: str, *, published: bool = False
) -> Pool:
    """`fields_each` fields of every condition, each in four planes, half of them in focus.

    Distances from the focus up to a quarter of a depth of field, and 0.75 to 6; or those published.
    """
    seed, kind = (
        (FOLDS["focus_published"], Published) if published else (FOLDS["focus"], FocusSource)
    )
    source = kind(seed, field_px=field_px, planes=PLANES, device=device)
    made = [_field(source, n, keep) for n in range(fields_each * len(CONDITIONS))]
    images, away = (np.concatenate(parts) for parts in zip(*made, strict=True))
    return Pool(images, away, np.repeat(np.arange(len(made)), PLANES))


def _field(
    source: FocusSource, number: int, keep: Path | None
) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
    path = keep and keep / f"field-{source.seed}-{source.field_px}-{number:04d}.npz"
    if path and path.is_file():
        with np.load(path) as held:
            return held["images"], held["away"]
    made = source.field(number)
    images = (made.images.numpy() * LEVELS).round().clip(0, LEVELS).astype(np.uint16)
    away = made.away.numpy()
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path.with_suffix(".part.npz"), images=images, away=away)
        path.with_suffix(".part.npz").rename(path)
    return images, away


@dataclass(frozen=True)
class Trained:
    """A network, and how long it took."""

    spec: ModelSpec
    seconds: float
    epochs: float


def train(
    name: str, learn: Pool, folder: Path, device: str, *, fit: str = "resize",
    start: Trained | None = None, epochs: int = EPOCHS, features: int = FEATURES,
) -> Trained:  # fmt: skip
    """Train one from nothing, or, as Xue 2021 transfers, from another at a fifth of the rate."""
    network = {**KINDS[name], "features": features}
    said = {**PLAIN, **network, "fit": fit}
    images = [image / np.float32(LEVELS) for image in learn.images]
    task = Tagged(images, learn.sharp.tolist(), said, FOLDS["focus"], held_back=HELD_BACK)
    epoch = max(1, len(images) // BATCH)
    rate = 1e-3 if start is None else 2e-4
    recipe = Recipe(
        name=name.lower(), purpose="A fold of a benchmark.", task="tagged", network=network,
        data={"seed": FOLDS["focus"], "images": len(images)},
        schedule=Schedule(
            steps=epochs * epoch, batch=BATCH, optimiser="sgd", learning_rate=rate,
            weight_decay=0.0, halve_every=HALVED * epoch, warmup=0, validate_every=epoch,
            patience=EPOCHS,
        ),
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / f"{name.lower()}.checkpoint.safetensors"
    checkpoint.unlink(missing_ok=True)
    began = time.perf_counter()
    training = Training(recipe, checkpoint, device, lambda line: print(line, flush=True), task)
    if start is not None:
        training.start_from(start.spec)
    training.run()
    took = time.perf_counter() - began
    return Trained(find_model(str(training.export(folder))), took, epochs)


def tuned(spec: ModelSpec, learn: Pool, path: Path, device: str, steps: int) -> ModelSpec:
    """Ours, gone on with as by ``lf.train_sorter``."""
    ds = xr.Dataset({"image": (("position", "channel", "y", "x"), learn.images)})
    return train_sorter(
        ds, learn.sharp.tolist(), path, network=spec, steps=steps, minutes=TUNED_MINUTES,
        learning_rate=TUNED_RATE, seed=FOLDS["focus"], device=device,
        say=lambda line: print(line, flush=True),
    )  # fmt: skip


def focus_of(spec: ModelSpec, images: Sequence[NDArray[Any]], device: str) -> NDArray[np.float64]:
    """How probably each image (1, y, x) is in focus."""
    return np.array([verdict_on(spec, image, device).focus for image in images])


def verdict_on(spec: ModelSpec, image: NDArray[Any], device: str) -> Any:
    """What a network says of one image (1, y, x)."""
    given = torch.from_numpy(np.asarray(image, np.float64))[None]
    with working_on(device) as chosen, torch.inference_mode():
        ready = shown(given, spec.options)[0].float().to(chosen)
        logits = judged(load_network(spec, str(chosen)), ready).float().cpu()
    return verdict(logits, spec.options)


def pooled_rows(
    name: str, said: NDArray[np.float64], held: Pool, source: str, barred: bool
) -> list[Row]:
    """All folds together, and how far they lie apart."""
    right = (said > 0.5) == held.sharp
    test = binomtest(int(right.sum()), len(right))
    low = test.proportion_ci(0.95, "wilson").low
    folds = [held.fold == n for n in range(FOLD_COUNT) if (held.fold == n).any()]
    accuracies = [float(right[fold].mean()) for fold in folds]
    areas = [area_under_curve(said[fold], held.sharp[fold]) for fold in folds]
    bars = (">= 0.985", ">= 0.995") if barred else (None, None)
    return [
        row(f"{name}: images", float(len(right)), "1", None, source),
        row(f"{name}: accuracy, pooled", float(right.mean()), "1", None, source),
        row(f"{name}: accuracy, lower bound (95 %, Wilson)", float(low), "1", bars[0], source),
        row(f"{name}: AUC, pooled", area_under_curve(said, held.sharp), "1", bars[1], source),
        row(f"{name}: accuracy, most less least of folds", float(np.ptp(accuracies)), "1", None,
            source),
        row(f"{name}: AUC, most less least of folds", float(np.ptp(areas)), "1", None, source),
        *[
            row(f"{name}: accuracy, fold {n}", one, "1", None, source)
            for n, one in enumerate(accuracies)
        ],
        *[
            row(f"{name}: called right, {low:g} to {high:g} depths of field away",
                float(right[band].mean()), "1", None, source)
            for low, high in BANDS
            if (band := (held.away >= low) & (held.away < high)).any()
        ],
    ]  # fmt: skip


def share_of(held: Pool, share: float) -> Pool:
    """A part of the fields, as many of each condition; one at least."""
    fields = np.unique(held.field)
    per = [fields[fields % len(CONDITIONS) == n] for n in range(len(CONDITIONS))]
    kept = np.concatenate([each[: max(1, round(share * len(each)))] for each in per if len(each)])
    return held.some(np.isin(held.field, kept))
