"""Train a recipe; ``python -m lensfree_nb.train.run`` does it where the command is missing."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from lensfree_nb.errors import LensfreeError
from lensfree_nb.nets.registry import find_model
from lensfree_nb.run.folders import made_folder
from lensfree_nb.train.loop import Say, Training
from lensfree_nb.train.recipe import read_recipe


def train_recipe(
    name: str | Path,
    out: Path,
    *,
    minutes: float = math.inf,
    start: str | None = None,
    device: str = "auto",
    say: Say = print,
) -> Path:
    """Train, or go on training, and write the best weights with their card.

    Parameters
    ----------
    name : str or Path
        Of a recipe of the package, or a TOML file.
    out : Path
        Folder of ``NAME.checkpoint.safetensors``, ``NAME.safetensors`` and ``NAME.json``.
    minutes : float
        When to stop, finished or not.
    start : str, optional
        Weights to start from, where there is no checkpoint yet; it says so where there is.
    device : str
        Where torch works.
    say : callable
        Takes a line at every validation.

    Returns
    -------
    Path
        The weights; the checkpoint where the time was up before the first validation.
    """
    recipe = read_recipe(name)
    made_folder(out)
    checkpoint = out / f"{recipe.name}.checkpoint.safetensors"
    fresh = not checkpoint.is_file()
    training = Training(recipe, checkpoint, device, say)
    if start and fresh:
        training.start_from(find_model(start))
    elif start:
        say(f"{recipe.name}: goes on from {checkpoint.name}; --start is for where there is none")
    training.run(minutes)
    if not training.history:
        say(f"{recipe.name}: kept at step {training.step}, not validated yet; run again to go on")
        return checkpoint
    return training.export(out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe")
    parser.add_argument("--out", type=Path, default=Path("trained"))
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--start")
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    try:
        made = train_recipe(
            given.recipe, given.out, minutes=given.minutes, start=given.start, device=given.device
        )
    except LensfreeError as error:
        parser.exit(2, f"error: {error}\n")
    print(made)
