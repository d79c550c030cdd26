"""The optimisers that a recipe may ask for, and what they remember from step to step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final

import torch
from torch import Tensor, nn
from torch.optim import SGD, AdamW, NAdam, Optimizer

from lensfree_nb.train.recipe import Schedule

MOMENTUM: Final = 0.9
STATE: Final = "optimiser"


def optimiser_for(parameters: Iterable[nn.Parameter], schedule: Schedule) -> Optimizer:
    """What makes the steps: AdamW, Nadam, or stochastic gradient descent with momentum."""
    chosen: dict[str, Callable[..., Optimizer]] = {
        "adamw": AdamW,
        "nadam": partial(NAdam, decoupled_weight_decay=True),
        "sgd": partial(SGD, momentum=MOMENTUM),
    }
    make = chosen[schedule.optimiser]
    return make(parameters, schedule.learning_rate, weight_decay=schedule.weight_decay)


def remembered(optimiser: Optimizer) -> dict[str, dict[str, Tensor]]:
    """Its state as named sets of tensors, one for each parameter."""
    state = optimiser.state_dict()["state"]
    return {
        f"{STATE}{number}": {name: torch.as_tensor(part) for name, part in moments.items()}
        for number, moments in state.items()
    }


def remind(optimiser: Optimizer, parts: Mapping[str, Mapping[str, Tensor]]) -> None:
    """Give it back what :func:`remembered` told; other sets are left alone."""
    held = optimiser.state_dict()
    held["state"] = {
        int(name.removeprefix(STATE)): dict(moments)
        for name, moments in parts.items()
        if name.startswith(STATE)
    }
    optimiser.load_state_dict(held)
