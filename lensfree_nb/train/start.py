"""Weights to start from: of a network built in the same way, or of one that is shown less.

Or of one that draws other images: of the paper's networks each may start from the one that draws
all metrics, and a network that draws whose each pixel is from one that knew fewer cells a pixel.
A network that weighs octaves may start from one that corrects the image as a whole: both are one
function then (Chen et al., ICLR 2016).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from lensfree_nb.errors import ParameterError
from lensfree_nb.nets.registry import ModelSpec, load_network
from lensfree_nb.quantify.channels import CHANNELS

# What adds inputs to layers, after those that are there without it.
SHOWS_MORE: Final = "maxima"
NEW: Final = -1
# What a network that corrects an image as a whole has in common with one that weighs octaves of it,
# what the other must not have, and its layers that differ: of the image, and of what is drawn.
COMMON: Final = ("features", "depth", "fold", "inputs", "outputs")
BESIDE: Final = ("saturating", "maxima", "adds")
FIRST, LAST = "down.0.0.weight", ("last.weight", "last.bias")


def weights_for(
    name: str, network: nn.Module, options: Mapping[str, Any], spec: ModelSpec, told: Iterable[str]
) -> dict[str, Tensor]:
    """Weights of another network, as this one takes them.

    Where it is shown more highest values (``maxima``), they begin unheard: before its first step
    it draws what the other draws. Where that draws discs of more metrics (task ``represent``), the
    last layer of those asked for is taken; where it drew fewer layers of cells' pixels, those that
    are new begin blank. Where that corrects an image as a whole and this weighs octaves of it, all
    weights begin at 1.

    Parameters
    ----------
    name : str
        What is trained, for messages.
    network : nn.Module
        What takes them.
    options : mapping
        How it is built.
    spec : ModelSpec
        The other.
    told : iterable of str
        Those options that are compared and told.

    Raises
    ------
    ParameterError
        If it is built in another way.
    """
    unlike = [n for n in told if spec.options.get(n) != options.get(n)]
    weights = load_network(spec, "cpu").state_dict()
    mine = network.state_dict()
    if unlike == [SHOWS_MORE] and weights.keys() == mine.keys():
        weights = {key: _unheard(part, mine[key]) for key, part in weights.items()}
    if unlike == ["outputs"]:
        rows = _rows_of(options, spec.options)
        weights = {key: _some(part, mine[key], rows) for key, part in weights.items()}
    if _corrects_the_whole(spec.options, options):
        weights = _of_octaves(weights, mine)
    if _shapes(weights) != _shapes(mine):
        differ = (f"{n} {spec.options.get(n, 'unset')} there and {options[n]} here" for n in unlike)
        raise ParameterError(
            f"{name} cannot start from {spec.name}, which is built in another way: "
            f"{', '.join(differ) or 'its layers differ'}"
        )
    return weights


def _unheard(weights: Tensor, wanted: Tensor) -> Tensor:
    """With weights of 0 for the inputs that are wanted besides."""
    if weights.ndim != wanted.ndim or weights.ndim < 2 or weights.shape[1] >= wanted.shape[1]:
        return weights
    return pad(weights, (0, 0) * (weights.ndim - 2) + (0, wanted.shape[1] - weights.shape[1]))


def _corrects_the_whole(theirs: Mapping[str, Any], options: Mapping[str, Any]) -> bool:
    """Whether the other draws what one that weighs octaves draws while all weights are 1."""
    return (
        (theirs["kind"], options["kind"]) == ("folded", "octaves")
        and all(theirs.get(name) == options.get(name) for name in COMMON)
        and theirs.get("corrects") == options["outputs"]
        and not any(theirs.get(name) for name in BESIDE)
    )


def _of_octaves(weights: Mapping[str, Tensor], mine: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Each octave is seen as the image was, for they add up to it; nothing is said of them yet."""
    # As many images go in as are drawn, but for those beside them.
    block = len(weights[LAST[0]])
    many = len(mine[f"unet.{LAST[0]}"]) // block - 1
    image, beside = weights[FIRST][:, :block], weights[FIRST][:, block:]
    changed = {FIRST: torch.cat([image] * many + [beside], 1)}
    for name in LAST:
        drawn = weights[name]
        changed[name] = torch.cat([torch.zeros_like(drawn)] * many + [drawn])
    return {f"unet.{name}": changed.get(name, part) for name, part in weights.items()}


def _rows_of(options: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[int]:
    """Which of the images that the other draws each of those here is; -1 where it is none."""
    task, drawn, wanted = options.get("task"), theirs.get("metrics", []), options.get("metrics", [])
    if task != theirs.get("task"):
        return []
    if task == "represent" and set(wanted) <= set(drawn):
        return [drawn.index(metric) for metric in wanted]
    more = int(options["outputs"]) - int(theirs["outputs"])
    channels = CHANNELS.get(str(task))
    if channels and wanted == drawn and 0 < more < channels.ground:
        every = range(int(theirs["outputs"]))
        return [*every[: channels.on_discs], *[NEW] * more, *every[channels.on_discs :]]
    return []


def _some(weights: Tensor, wanted: Tensor, rows: list[int]) -> Tensor:
    """Of the layer that is not as long as it is wanted, the last, what draws these images."""
    if weights.shape == wanted.shape or not rows:
        return weights
    each = len(wanted) // len(rows)
    images = weights.unflatten(0, (-1, each))  # type: ignore[no-untyped-call]
    taken: Tensor = images[[max(row, 0) for row in rows]]
    taken[[row == NEW for row in rows]] = 0
    return taken.flatten(0, 1)


def _shapes(weights: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(part.shape) for name, part in weights.items()}
