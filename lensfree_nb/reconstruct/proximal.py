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

from lensfree_nb.optics.bands import bands

Dual = tuple[Tensor, Tensor]
# Below it a weight moves no pixel by a rounding error, and its dual steps leave float32.
NO_WEIGHT = 1e-15


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
        self,
        images: Sequence[Tensor],
        weight: float,
        *,
        positive: Sequence[bool],
        shrink: float = 0.0,
    ) -> list[Tensor]:
        """The proximal points of `images`, in their place; `positive` says which are kept >= 0."""
        weight = weight if weight > NO_WEIGHT else 0.0
        if weight > 0:
            for _ in range(self.steps):
                self._ascend(images, weight, shrink, positive)
        for image, dual, bound in zip(images, self._dual, positive, strict=True):
            for rows in bands(image):
                image[rows] = _primal(image, dual, rows, weight, shrink, bound)
        return list(images)

    def _ascend(
        self, images: Sequence[Tensor], weight: float, shrink: float, positive: Sequence[bool]
    ) -> None:
        """One dual step. A band's primal rows are made before the dual above them moves on."""
        step = 1.0 / (8.0 * weight)
        each = list(zip(images, self._dual, positive, strict=True))
        top = [_primal(x, d, slice(0, 1), weight, shrink, bound) for x, d, bound in each]
        for rows in bands(images[0]):
            below = slice(rows.start + 1, min(rows.stop + 1, len(images[0])))
            for k, (image, dual, bound) in enumerate(each):
                primal = torch.cat([top[k], _primal(image, dual, below, weight, shrink, bound)])
                down, across = (part[rows] for part in dual)
                down[: len(primal) - 1].add_(primal[:-1] - primal[1:], alpha=step)
                here = primal[: len(across)]
                across[:, :-1].add_(here[:, :-1] - here[:, 1:], alpha=step)
                top[k] = primal[-1:]
            self._project(rows)

    def _project(self, rows: slice) -> None:
        inside = [(down[rows], across[rows]) for down, across in self._dual]
        squared = torch.zeros_like(inside[0][0])
        for down, across in inside:
            squared.addcmul_(down, down).addcmul_(across, across)
        inverse = squared.clamp_(min=1.0).rsqrt_()
        for down, across in inside:
            down.mul_(inverse)
            across.mul_(inverse)


def _primal(
    image: Tensor, dual: Dual, rows: slice, weight: float, shrink: float, positive: bool
) -> Tensor:
    """Rows of the image that the dual stands for."""
    if weight <= 0:
        return _bounded(image[rows].clone(), shrink, positive)
    down, across = dual
    # The adjoint of the forward difference, negated.
    adjoint = down[rows] + across[rows]
    first = max(rows.start, 1)
    adjoint[first - rows.start :].sub_(down[first - 1 : rows.stop - 1])
    adjoint[:, 1:].sub_(across[rows, :-1])
    return _bounded(torch.sub(image[rows], adjoint, alpha=weight), shrink, positive)


def _bounded(image: Tensor, shrink: float, positive: bool) -> Tensor:
    """In place: soft threshold, and the projection on x >= 0."""
    if positive:
        return image.sub_(shrink).clamp_(min=0)
    if shrink:
        return torch.nn.functional.softshrink(image, shrink)
    return image
