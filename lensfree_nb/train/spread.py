"""Standard errors, learned once more when all else is: of fields that nothing was learned from.

A network may err less on what it learned from than on what it has not seen; and what a task names
(``unseen``) may be of those microscopes on which the errors are to hold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from lensfree_nb.errors import ParameterError

LEARNING_RATE: Final = 3e-3


class Told(NamedTuple):
    """A field's patches, inputs and truths (n, channel, y, x), and what its hologram left over.

    ``residual`` is a share of the contrast; NaN where there was no hologram.
    """

    inputs: Tensor
    truths: Tensor
    residual: float


@runtime_checkable
class Spread(Protocol):
    """A task whose networks say how far off they may be."""

    @property
    def spread_images(self) -> Sequence[int]:
        """Which of the images that they draw say it."""
        ...

    def unseen(self, number: int) -> Told:
        """Examples that are met nowhere else."""
        ...

    def as_users_have_it(self, number: int) -> Told:
        """The same field, no worse than what users have."""
        ...

    def spread_loss(self, found: Tensor, truth: Tensor) -> Tensor:
        """What is made small."""
        ...

    def lacking(self, found: Tensor, truth: Tensor) -> Mapping[int, float]:
        """What is to be added to which of the images, so that measurements add up to the truth."""
        ...

    def stretched(self, found: Tensor, truth: Tensor, residual: Sequence[float]) -> dict[str, Any]:
        """By what errors are stretched to hold what they claim; the residuals are of each image."""
        ...


def telling_spread(task: object) -> Spread:
    """The task, if its networks tell standard errors.

    Raises
    ------
    ParameterError
        If they do not.
    """
    if not (isinstance(task, Spread) and task.spread_images):
        raise ParameterError(
            "spread_steps and spread_fields are for networks that tell standard errors"
        )
    return task


def settle_spread(
    network: nn.Module,
    task: object,
    steps: int,
    fields: int,
    through: Callable[[nn.Module, Tensor], Tensor],
) -> dict[str, Any]:
    """:func:`learn_spread` and :func:`stretch`, by as many fields as a recipe asks for.

    Parameters
    ----------
    network, through
        As there.
    task : object
        Must tell standard errors, unless both numbers are 0.
    steps, fields : int
        To learn from, and then to stretch by.
    """
    if steps:
        learn_spread(network, telling_spread(task), steps, through)
    if not fields:
        return {}
    return stretch(network, telling_spread(task), range(steps, steps + fields), through)


def learn_spread(
    network: nn.Module,
    task: Spread,
    steps: int,
    through: Callable[[nn.Module, Tensor], Tensor],
    learning_rate: float = LEARNING_RATE,
) -> None:
    """Learn those rows of the last layer that draw standard errors; all else stays as it is.

    Parameters
    ----------
    network : nn.Module
        Of a layer called ``last``; changed in place.
    task : Spread
        Where examples come from, those of one field a step.
    steps : int
        The rate falls to zero over them, along a cosine.
    through : callable
        Carries inputs through the network.
    learning_rate : float
        At first, of Adam.
    """
    layer: nn.Conv2d = network.last  # type: ignore[assignment]
    parts = [part for part in (layer.weight, layer.bias) if part is not None]
    optimiser = torch.optim.Adam([part.requires_grad_() for part in parts], learning_rate)
    chosen = [_of_images(part, network, task.spread_images) for part in parts]
    network.eval()
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate * 0.5 * (1 + math.cos(math.pi * step / steps))
        inputs, truth, _ = task.unseen(step)
        found = through(network, inputs)
        loss = task.spread_loss(found, truth.to(found.device))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        for part, mine in zip(parts, chosen, strict=True):
            if part.grad is not None:
                part.grad *= mine
        optimiser.step()
    for part in parts:
        part.requires_grad_(False)


@torch.no_grad()
def stretch(
    network: nn.Module,
    task: Spread,
    fields: Sequence[int],
    through: Callable[[nn.Module, Tensor], Tensor],
) -> dict[str, Any]:
    """What a task says of errors and residuals, by fields that nothing was learned from.

    How far off a network is differs from one microscope to the next by far more than from cell to
    cell: it takes some tens of them, more than a validation has. Errors are to hold on what users
    have; worse images are there to be learned from. What lacks from what measurements should add
    up to there is settled first, in the last layer.

    Parameters
    ----------
    network : nn.Module
        Whose errors are stretched; the bias of its layer called ``last`` is changed in place.
    task : Spread
        Where fields come from.
    fields : sequence of int
        Their numbers, none that :func:`learn_spread` was shown.
    through : callable
        Carries inputs through the network.
    """
    network.eval()
    seen = [task.as_users_have_it(number) for number in fields]
    found = torch.cat([through(network, field.inputs) for field in seen])
    truths = torch.cat([field.truths.to(found.device) for field in seen])
    for image, lack in task.lacking(found, truths).items():
        found[:, image] += lack
        bias: Tensor = network.last.bias  # type: ignore[assignment, union-attr]
        bias += lack * _of_images(bias, network, [image])
    return task.stretched(found, truths, [f.residual for f in seen for _ in f.inputs])


def _of_images(part: Tensor, network: nn.Module, images: Sequence[int]) -> Tensor:
    """1 where a number draws one of these images, else 0."""
    each = int(getattr(network, "fold", 1)) ** 2
    found = torch.zeros_like(part)
    for image in images:
        found[image * each : (image + 1) * each] = 1
    return found
