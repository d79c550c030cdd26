"""A recipe: everything that makes a network, in one small TOML file."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from lensfree_nb.checks import check_choice, check_count, check_number
from lensfree_nb.errors import ParameterError
from lensfree_nb.nets.header import MAYBE_0, MOST
from lensfree_nb.nets.registry import KINDS, build_network
from lensfree_nb.run.tiles import ALIGNMENT

RECIPES: Final = Path(__file__).parent / "recipes"
OPTIMISERS: Final = ("adamw", "nadam", "sgd")
TEXTS, TABLES = ("purpose", "task"), ("network", "data", "schedule")


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast a network learns.

    Parameters
    ----------
    steps, batch : int
        Steps of the optimiser, and examples in each.
    optimiser : {"adamw", "nadam", "sgd"}
        What makes the steps (``train.optimiser``).
    learning_rate, weight_decay : float
        Of the optimiser. The rate rises over `warmup` steps and falls to zero along a cosine.
    halve_every : int
        Steps after which the rate is halved, again and again, in place of the cosine; 0 is never.
    clip : float
        Longest gradient.
    average : float
        Share that the running average of the weights keeps at each step; it is what is shipped.
    validate_every, patience : int
        Steps between validations, and after how many of these without a gain learning stops.
    spread_steps : int
        Steps, before weights are written, in which standard errors are learned once more, each of
        a field that nothing else was learned from (``train.spread``).
    spread_fields : int
        Further fields, by which standard errors are then stretched to hold what they claim; by
        the validation alone where it is 0.
    """

    steps: int
    batch: int
    optimiser: str = "adamw"
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    halve_every: int = 0
    warmup: int = 100
    clip: float = 1.0
    average: float = 0.998
    validate_every: int = 250
    patience: int = 12
    spread_steps: int = 0
    spread_fields: int = 0

    def __post_init__(self) -> None:
        """Refuse what no schedule can be."""
        for name in ("steps", "batch", "validate_every", "patience"):
            check_count(name, getattr(self, name), 1)
        check_choice("optimiser", self.optimiser, OPTIMISERS)
        for name in ("warmup", "halve_every", "spread_steps", "spread_fields"):
            check_count(name, getattr(self, name))
        for name in ("weight_decay", "average"):
            check_number(name, getattr(self, name))
        for name in ("learning_rate", "clip"):
            check_number(name, getattr(self, name), open_low=True)
        if self.average >= 1:
            raise ParameterError(f"average is {self.average}; it must lie below 1")

    def pace(self, step: int) -> float:
        """Share of the learning rate at a step.

        >>> plan = Schedule(steps=100, batch=1, warmup=10)
        >>> [round(plan.pace(step), 2) for step in (0, 9, 55, 100)]
        [0.1, 1.0, 0.5, 0.0]
        >>> [Schedule(100, 1, warmup=0, halve_every=40).pace(step) for step in (39, 40, 99)]
        [1.0, 0.5, 0.25]
        """
        if step < self.warmup:
            return (step + 1) / self.warmup
        if self.halve_every:
            return 0.5 ** ((step - self.warmup) // self.halve_every)
        share = (step - self.warmup) / max(self.steps - self.warmup, 1)
        return 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is trained, on what, and how.

    Parameters
    ----------
    name : str
        Of the network that comes of it.
    purpose : str
        One sentence for its card.
    task : str
        Which of :data:`lensfree_nb.train.tasks.TASKS`.
    network : dict
        ``kind`` and its options.
    data : dict
        Parameters of the task, seeds among them.
    schedule : Schedule
        How long and how fast.
    """

    name: str
    purpose: str
    task: str
    network: dict[str, Any]
    data: dict[str, Any]
    schedule: Schedule = field()


def recipe_names() -> tuple[str, ...]:
    """Names of the package's recipes.

    >>> "accelerate" in recipe_names()
    True
    """
    return tuple(sorted(path.stem for path in RECIPES.glob("*.toml")))


def read_recipe(name: str | Path) -> Recipe:
    """The recipe of a name, or of a TOML file.

    Raises
    ------
    ParameterError
        If there is none, it cannot be read, or says something that no recipe says.
    """
    given = str(name)
    path = Path(given) if given.endswith(".toml") else RECIPES / f"{Path(given).name}.toml"
    if not path.is_file():
        raise ParameterError(
            f"recipe is {given!r}; use {', '.join(recipe_names())}, or the path of a .toml file"
        )
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ParameterError(f"{path.name} is no TOML in UTF-8: {error}") from error
    check_keys(path.name, said, [*TEXTS, *TABLES], [*TEXTS, *TABLES])
    for name, kind in {**dict.fromkeys(TEXTS, str), **dict.fromkeys(TABLES, dict)}.items():
        if not isinstance(said[name], kind):
            words = "a text" if kind is str else "a table"
            raise ParameterError(f"{path.name}: {name} is {said[name]!r}; it must be {words}")
    knobs = {f.name: f.default is MISSING for f in fields(Schedule)}
    needed = [name for name, must in knobs.items() if must]
    check_keys(f"{path.name}, schedule", said["schedule"], [*knobs], needed)
    recipe = Recipe(path.stem, **{**said, "schedule": Schedule(**said["schedule"])})
    _check_network(recipe.network)
    return recipe


def check_keys(
    where: str, said: Mapping[str, Any], known: Sequence[str], needed: Sequence[str]
) -> None:
    """Refuse names that mean nothing, and the lack of those that are needed.

    Parameters
    ----------
    where : str
        Whose names they are.
    said : mapping
        What is said.
    known, needed : sequence of str
        Names that may be said, and that must be.
    """
    for name in said:
        if name not in known:
            near = get_close_matches(name, known, 1)
            meant = f"; did you mean {near[0]}?" if near else f"; it has {', '.join(known)}"
            raise ParameterError(f"{where} has no {name}{meant}")
    if missing := [name for name in needed if name not in said]:
        raise ParameterError(f"{where} does not say {', '.join(missing)}")


def _check_network(said: dict[str, Any]) -> None:
    own = KINDS.get(str(said.get("kind")))
    if own is None:
        raise ParameterError(f"network.kind is {said.get('kind')!r}; use {', '.join(KINDS)}")
    for name, value in said.items():
        if name not in ("kind", *own):
            raise ParameterError(f"network has no {name}; a {said['kind']} has {', '.join(own)}")
        if name != "kind":
            check_count(f"network.{name}", value, int(name not in MAYBE_0), MOST[name])
    images = max(1, said.get("corrects", 0))
    built = build_network({**said, "inputs": images, "outputs": images}, device="meta")
    stride = built.stride_px
    if ALIGNMENT % int(stride):  # type: ignore[arg-type]
        raise ParameterError(
            f"network.depth is {said.get('depth')}: the coarsest level takes {stride} px at a "
            f"time, and tiles begin at multiples of {ALIGNMENT}; use fewer levels"
        )
