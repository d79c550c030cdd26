"""What the package's networks learn."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any, Protocol

from torch import Tensor

from lensfree_nb.errors import ParameterError
from lensfree_nb.train.change import Change
from lensfree_nb.train.quantification import Quantification
from lensfree_nb.train.recipe import Recipe, check_keys
from lensfree_nb.train.reconstruction import Reconstruction
from lensfree_nb.train.representation import Representation
from lensfree_nb.train.restoring import Restoring
from lensfree_nb.train.sorting import Sorting


class Task(Protocol):
    """What a network learns. The first of its scores is what counts; less is better."""

    def options(self) -> dict[str, Any]:
        """Inputs and outputs of its networks, and what else these must know."""
        ...

    def batch(self, step: int, size: int) -> tuple[Tensor, Tensor]:
        """Examples of one step; depends on nothing but the step."""
        ...

    def validation(self) -> list[tuple[Tensor, Tensor]]:
        """Examples that are never learned from."""
        ...

    def loss(self, found: Tensor, truth: Tensor) -> Tensor:
        """What is made small."""
        ...

    def scores(self, found: Tensor, truth: Tensor) -> dict[str, float]:
        """What is told of the validation."""
        ...

    def learned(self, found: Tensor, truth: Tensor) -> dict[str, Any]:
        """What else a trained network must know of itself, from its validation."""
        ...


TASKS: dict[str, Callable[..., Task]] = {
    "change": Change, "quantify": Quantification, "reconstruct": Reconstruction,
    "represent": Representation, "restore": Restoring, "sort": Sorting,
}  # fmt: skip


def make_task(recipe: Recipe, device: str = "auto") -> Task:
    """The task of a recipe.

    Raises
    ------
    ParameterError
        If there is no such task, or it has no such parameter.
    """
    if recipe.task not in TASKS:
        raise ParameterError(f"task is {recipe.task!r}; use {', '.join(TASKS)}")
    task = TASKS[recipe.task]
    own = [part for part in signature(task).parameters.values() if part.name != "device"]
    needed = [part.name for part in own if part.default is part.empty]
    check_keys(f"recipe {recipe.name}, data", recipe.data, [part.name for part in own], needed)
    try:
        return task(**recipe.data, device=device)
    except TypeError as error:
        raise ParameterError(f"recipe {recipe.name}, data: {error}") from error
