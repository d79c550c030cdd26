"""The card of a weight file: what it is, where it comes from, how well it does, where it ends."""

from __future__ import annotations

import dataclasses
import json
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lensfree_nb.train.recipe import Recipe, recipe_names
from lensfree_nb.versions import version_of

SIMULATED = "Simulated cells only were seen: thin objects, denser than the medium, {}."
FLAT = "in phase contrast through objectives, all of a culture in one plane"
MIXED = (
    "Cells seen were simulated (thin objects, denser than the medium, all of a culture in one "
    "plane) and real: 16 frames of T98G cells in phase contrast at 10x (Tsai et al. 2019, MIT), "
    "taken out of focus by the model of lensfree_nb.simulate.weak_object."
)
SEEN = {
    "reconstruct": "in three colours, at the pixel size, wavelengths and distances of "
    "network.trained_on",
    "quantify": "as OPD, at the pixel size of network.trained_on; half of them reconstructed by "
    "the reference method, a quarter by the accelerated one. Weights, threshold and standard "
    "errors are chosen by what the reference method reconstructs",
    "represent": "as OPD, at the pixel size of network.trained_on; a quarter of them reconstructed "
    "by the reference method. Weights and threshold are chosen by what that reconstructs; the "
    "standard pipeline's errors are learned, too",
    "sort": FLAT,
    "restore": FLAT,
    "change": "as true OPD with noise and slow backgrounds, at the pixel size of "
    "network.trained_on; none that divides",
}
# Where what varies between fields is written, unless it is in `variety`.
VARIETY = dict.fromkeys(("sort", "restore"), "focus_images")
# Tasks whose truth comes from a user, and what trains them.
BY_USER = {"annotated": "lensfree_nb.fine_tune", "tagged": "lensfree_nb.train_sorter"}
FEW = "The last cells seen were few, of one kind and one microscope; hold it against others."


def write_card(
    path: Path, recipe: Recipe, options: Mapping[str, Any], sha256: str, training: Mapping[str, Any]
) -> None:
    """Write the card as JSON; the weights of its command's `--start` are ``started_from``."""
    varied = VARIETY.get(recipe.task, "variety")
    by_user, seen = BY_USER.get(recipe.task), SEEN.get(recipe.task, "as the recipe says")
    truth, limits = "simulated", SIMULATED.format(seen)
    source = f"simulated, of what lensfree_nb.train.{varied} holds"
    if every := recipe.data.get("real_every", 0):
        truth, limits = f"simulated; of one field in {every} a real image in focus", MIXED
        source += f"; one field in {every} of lensfree_nb.train.real_frames"
    if every := recipe.data.get("random_every", 0):
        source += f"; of the others one in {every} of lensfree_nb.train.random_objects"
    command = f"lensfree train {recipe.name}{'' if recipe.name in recipe_names() else '.toml'}"
    if training.get("started_from"):
        command += " --start WEIGHTS"
    if by_user:
        command, truth, limits = by_user, "annotated by a user", FEW
    card = {
        "name": recipe.name,
        "purpose": recipe.purpose,
        "sha256": sha256,
        "network": dict(options),
        "data": {
            "source": source, **recipe.data,
        },
        "schedule": dataclasses.asdict(recipe.schedule),
        "training": {
            **training, "truth": truth, "command": command,
        },
        "limits": limits,
        "made_with": {
            "lensfree_nb": version_of("lensfree_nb"), "commit": _commit(),
            "torch": torch.__version__, "processor": platform.machine(),
        },
    }  # fmt: skip
    path.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def _commit() -> str | None:
    """Of the sources, where they lie in their own repository; marked where they were changed."""
    here = Path(__file__).resolve().parents[2]
    try:
        top = _git(here, "rev-parse", "--show-toplevel")
        return _git(here, "describe", "--always", "--dirty") if Path(top) == here else None
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(folder: Path, *words: str) -> str:
    asked = subprocess.run(["git", *words], capture_output=True, text=True, check=True, cwd=folder)
    return asked.stdout.strip()
