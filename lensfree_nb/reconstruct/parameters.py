"""From the name of a method and a user's numbers to the kernel that does it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from lensfree_nb.checks import check_choice, check_count, check_flag, check_number
from lensfree_nb.errors import ParameterError
from lensfree_nb.nets.registry import ModelSpec, find_model

if TYPE_CHECKING:
    from lensfree_nb.reconstruct.methods import Inverse

Method = Literal["inverse", "annealed", "backpropagation", "reference", "accelerated"]
METHODS: Final = get_args(Method)
NETWORKS: Final = {"reference": "accelerate", "accelerated": "accelerate"}
STAGES: Final = ("first", "between")
LEAST: Final = {
    "smoothness": 0.0, "sparsity": 0.0, "relax": 1.0, "prior": 0.0, "background_px": 2.0,
}  # fmt: skip
# Slower than this there is nothing in a frame; more than this is no weight but a slip.
MOST: Final = {"background_px": 1e4, "relax": 1e9, "smoothness": 1e9, "sparsity": 1e9, "prior": 1e9}
COUNTS: Final = ("iterations", "proximal_steps", "passes", "views")
OF_KERNEL: Final[tuple[str, ...]] = ("precision", "passes", "views")
WEIGHTS: Final = ("smoothness", "sparsity", "relax", "positive")
OWN: Final = ("iterations", "proximal_steps", *WEIGHTS)
OF_INVERSION: Final = (*OWN, "background_px", "prior")
WITH_NETWORK: Final = (
    *OF_INVERSION, "network", *OF_KERNEL, *(f"first_{name}" for name in OWN),
    *(f"between_{name}" for name in (*OWN, "prior")),
)  # fmt: skip
KNOWN: Final[Mapping[str, tuple[str, ...]]] = {
    "inverse": OF_INVERSION, "annealed": OF_INVERSION, "backpropagation": ("background_px",),
    "reference": WITH_NETWORK, "accelerated": WITH_NETWORK,
}  # fmt: skip
Parameters = tuple[tuple[str, Any], ...]


def checked_parameters(
    method: str, parameters: Mapping[str, Any], trust_residual: float
) -> Parameters:
    """A user's parameters in an order of their own, with the network found.

    Raises
    ------
    ParameterError
        If there is no such method, it has no such parameter, or a value is impossible.
    ModelError
        If the network cannot be had.
    """
    check_choice("method", method, METHODS)
    if unknown := sorted(set(parameters) - set(KNOWN[method])):
        meant = get_close_matches(unknown[0], KNOWN[method], n=1)
        raise ParameterError(
            f"{method} has no parameter {', '.join(unknown)}"
            f"{f' (is {meant[0]} meant?)' if meant else ''}; it has {', '.join(KNOWN[method])}"
        )
    check_number("trust_residual", trust_residual)
    chosen = dict(parameters)
    if method in NETWORKS:
        network = chosen.setdefault("network", NETWORKS[method])
        if not isinstance(network, ModelSpec):
            chosen["network"] = find_model(network)
    for name, value in parameters.items():
        bare = _bare(name)
        if bare in COUNTS:
            # The last inversion may be left out, nothing else.
            check_count(name, value, least=int(method not in NETWORKS or name != "iterations"))
        elif bare in LEAST and not (value is None and bare == "background_px"):
            check_number(name, value, LEAST[bare], MOST.get(bare, math.inf))
        elif bare == "positive":
            check_flag(name, value)
    if method in NETWORKS:
        _check_stages(method, chosen)
    return tuple(sorted(chosen.items()))


def method_kernel(method: str, parameters: Parameters) -> Any:
    """The kernel of a method, with its checked parameters set."""
    from lensfree_nb.reconstruct import alternation, methods

    given = dict(parameters)
    if method not in NETWORKS:
        makers: dict[str, Any] = {
            "inverse": methods.Inverse,
            "annealed": methods.annealed,
            "backpropagation": methods.Backpropagation,
        }
        return _changed(makers[method](), given)
    make = alternation.reference if method == "reference" else alternation.accelerated
    kernel = make(given.pop("network"))
    own = {n: given.pop(n) for n in OF_KERNEL if n in given}
    for stage in STAGES:
        mine = [n for n in given if n.startswith(f"{stage}_")]
        numbers = {_bare(n): given.pop(n) for n in mine}
        own[stage] = _changed(getattr(kernel, stage), numbers)
    return dataclasses.replace(kernel, last=_changed(kernel.last, given), **own)


def _check_stages(method: str, chosen: Mapping[str, Any]) -> None:
    """Refuse numbers of inversions that are left out."""
    learned = chosen["network"].options.get("passes", 1) if method == "reference" else 1
    skipped = {}
    if int(chosen.get("passes", learned)) == 1:
        idle = [name for name in chosen if name.startswith("between_")]
        skipped["passes is 1, so there is no inversion between them"] = idle
    if chosen.get("iterations") == 0:
        idle = [name for name in chosen if name in (*OWN, "prior") and name != "iterations"]
        skipped["iterations is 0, so there is no last inversion"] = idle
    for why, names in skipped.items():
        if names:
            raise ParameterError(f"{why}: leave {', '.join(sorted(names))} out")


def _bare(name: str) -> str:
    """A parameter's name without the stage that it is for."""
    stage, _, rest = name.partition("_")
    return rest if stage in STAGES else name


def _changed(inverse: Inverse, given: dict[str, Any]) -> Any:
    """An inversion with its own numbers, or those of its weights, changed."""
    from lensfree_nb.reconstruct.solver import Weights

    names = {f.name for f in dataclasses.fields(Weights)}
    weights = {name: value for name, value in given.items() if name in names}
    own = {name: value for name, value in given.items() if name not in names}
    if weights:
        own["weights"] = dataclasses.replace(inverse.weights, **weights)
    return dataclasses.replace(inverse, **own)
