"""Proximal operator of total variation, with positivity and sparsity.

Solves ``argmin_x 1/2 |x - y|^2 + weight TV(x) + shrink |x|_1 [, x >= 0]`` by projected gradient on
the dual (Beck & Teboulle, IEEE Trans. Image Process. 18, 2419 (2009)). The dual is kept between
calls, so a few steps a call suffice inside an iterated solver. Several images handed over
together share one dual ball: their joint (vectorial, or complex) total variation.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class TotalVariation:
    """Isotropic total variation of one or several images of one shape.

    Parameters
    ----------
    images : sequence of Tensor, shape (y, x)
        Only their number, shape and device matter.
    steps : int
        Dual steps a call.
    """

    def __init__(self, images: Sequence[Tensor], *, steps: int = 3):
        self.steps = steps
        self._dual = [(torch.zeros_like(x), torch.zeros_like(x)) for x in images]

    def __call__(
        self, images: Sequence[Tensor], weight: float, *, shrink: float = 0.0, positive: bool = True
    ) -> list[Tensor]:
        """The proximal points of `images` (not changed), in the same order."""
        if weight <= 0:
            return [_bounded(image.clone(), shrink, positive) for image in images]
        for _ in range(self.steps):
            for image, (down, across) in zip(images, self._dual, strict=True):
                primal = _bounded(
                    torch.sub(image, _transpose(down, across), alpha=weight), shrink, positive
                )
                step = 1.0 / (8.0 * weight)
                down[:-1].add_(primal[:-1] - primal[1:], alpha=step)
                across[:, :-1].add_(primal[:, :-1] - primal[:, 1:], alpha=step)
            self._project()
        return [
            _bounded(torch.sub(image, _transpose(down, across), alpha=weight), shrink, positive)
            for image, (down, across) in zip(images, self._dual, strict=True)
        ]

    def _project(self) -> None:
        squared = torch.zeros_like(self._dual[0][0])
        for down, across in self._dual:
            squared.addcmul_(down, down).addcmul_(across, across)
        inverse = squared.clamp_(min=1.0).rsqrt_()
        for down, across in self._dual:
            down.mul_(inverse)
            across.mul_(inverse)


def _transpose(down: Tensor, across: Tensor) -> Tensor:
    """Adjoint of the forward difference (negated): what the dual adds to the primal."""
    total = down + across
    total[1:].sub_(down[:-1])
    total[:, 1:].sub_(across[:, :-1])
    return total


def _bounded(image: Tensor, shrink: float, positive: bool) -> Tensor:
    """In place: soft threshold, and the projection on x >= 0."""
    if positive:
        return image.sub_(shrink).clamp_(min=0)
    if shrink:
        return torch.nn.functional.softshrink(image, shrink)
    return image
