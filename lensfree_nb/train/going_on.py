"""Going on from trained weights with a user's own data: what its verbs share."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lensfree_nb.errors import ParameterError
from lensfree_nb.nets.registry import KINDS, SUFFIX, ModelSpec, find_model, read_card
from lensfree_nb.run.folders import made_folder
from lensfree_nb.train.loop import Say, Training
from lensfree_nb.train.recipe import Recipe, Schedule
from lensfree_nb.train.tasks import Task


def weights_path(path: str | os.PathLike[str]) -> Path:
    """Where weights are to be written, its folder made.

    Raises
    ------
    ParameterError
        If it is no file of weights.
    WritingError
        If its folder cannot be written to.
    """
    weights = Path(path).expanduser()
    if weights.suffix != SUFFIX or weights.is_dir():
        raise ParameterError(f"path is {weights}; it must be a file that ends in {SUFFIX}")
    made_folder(weights.parent)
    return weights


def go_on(
    spec: ModelSpec, weights: Path, task: Task, *, name: str, whose: str, data: Mapping[str, Any],
    schedule: Schedule, minutes: float, device: str, say: Say,
) -> ModelSpec:  # fmt: skip
    """Train further and write what did best; says so where that is what it began with.

    Parameters
    ----------
    spec : ModelSpec
        Where to begin.
    weights : Path
        Where to end, as of :func:`weights_path`.
    task : Task
        What is learned.
    name, whose : str
        Of the task, and what it learns from, for the card.
    data, schedule, minutes, device, say
        As of ``train.recipe.Recipe`` and ``train.loop.Training``.
    """
    own = ("kind", *KINDS[str(spec.options["kind"])])
    recipe = Recipe(
        name=weights.stem,
        purpose=f"{Path(spec.name).stem}, gone on with by a user's own {whose}.",
        task=name,
        network={option: spec.options[option] for option in own if option in spec.options},
        data={"source": f"{whose} of a user", **data},
        schedule=schedule,
    )
    checkpoint = weights.parent / f".{weights.stem}.checkpoint{SUFFIX}"
    checkpoint.unlink(missing_ok=True)
    try:
        training = Training(recipe, checkpoint, device, say, task)
        training.start_from(spec)
        training.run(minutes)
        made = find_model(str(training.export(weights.parent)))
    finally:
        checkpoint.unlink(missing_ok=True)
    if read_card(made.name)["training"]["validation"]["step"] == 0:
        say(f"{recipe.name}: nothing was gained; it does as {Path(spec.name).stem} does")
    return made
