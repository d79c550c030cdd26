"""The task of sorting images that somebody tagged: in focus, or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from lensfree_nb.checks import check_count, check_number, checked_seed
from lensfree_nb.errors import DataError
from lensfree_nb.nets.symmetry import SYMMETRIES, turned
from lensfree_nb.refocus.verdict import IN_FOCUS, shown
from lensfree_nb.train.shelf import Batch
from lensfree_nb.train.sorting import told_of

# Of an epoch: the order of what is learned.
ORDER, HELD = 51, 52
# Not its temperature, nor what grades it learned of: its logits are learned as they are.
SAID: Final = ("task", "inputs", "outputs", "fit", "side_px", "edges")


@dataclass
class Tagged:
    """Examples, loss and scores of networks that learn tags.

    Parameters
    ----------
    images : sequence of ndarray (channel, y, x)
        Any sizes, without unknown pixels.
    sharp : sequence of bool
        Whether each is in focus.
    said : mapping
        Options of the network (``nets.registry.ModelSpec.options``).
    seed : int
        Of what is held back, and of what is shown when.
    patch_px : int
        Side of what is shown at once of images that are not made into squares before; of smaller
        images less.
    held_back : float
        Share of each kind by which weights are chosen; at least one.

    Raises
    ------
    DataError
        If there are not two images of each kind.
    ParameterError
        If a number cannot be.
    """

    images: Sequence[NDArray[Any]]
    sharp: Sequence[bool]
    said: Mapping[str, Any]
    seed: int
    patch_px: int = 256
    held_back: float = 0.2
    _learned: list[list[int]] = field(init=False, repr=False)
    _held: list[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Split by image, never by crop."""
        checked_seed(self.seed)
        check_count("patch_px", self.patch_px, 1)
        check_number("held_back", self.held_back, high=0.9)
        tags = np.asarray(self.sharp, bool)
        if len(tags) != len(self.images):
            raise DataError(f"there are {len(self.images)} images and {len(tags)} tags")
        rng = np.random.default_rng([self.seed, HELD])
        self._learned, self._held = [], []
        for kind in (True, False):
            mine = rng.permutation(np.flatnonzero(tags == kind)).tolist()
            if len(mine) < 2:
                raise DataError(
                    f"{len(mine)} images are tagged as {'in' if kind else 'out of'} focus; tag two "
                    "at least, better some dozens of either kind"
                )
            apart = min(max(1, round(self.held_back * len(mine))), len(mine) - 1)
            self._held += mine[:apart]
            self._learned.append(mine[apart:])
        self._shown = [
            shown(torch.from_numpy(np.asarray(image, np.float64))[None], self.said)[0].float()
            for image in self.images
        ]
        smallest = min(n for image in self._shown for n in image.shape[-2:])
        self._side = min(self.patch_px, smallest)

    def options(self) -> dict[str, Any]:
        """Those of the network, which stay."""
        return {name: self.said[name] for name in SAID if name in self.said}

    def batch(self, step: int, size: int) -> Batch:
        """Images of one step, either kind as often: the same for one step, always."""
        rng = np.random.default_rng([self.seed, ORDER, step])
        inputs, truth = [], []
        for place in range(size):
            kind = (step * size + place) % 2
            number = self._learned[kind][int(rng.integers(len(self._learned[kind])))]
            inputs.append(turned(self._part(number, rng), int(rng.integers(SYMMETRIES))))
            truth.append(1.0 - kind)
        return torch.stack(inputs), torch.tensor(truth)[:, None, None, None]

    def validation(self) -> list[Batch]:
        """What was held back."""
        return [
            (self._part(number)[None], torch.full((1, 1, 1, 1), float(self.sharp[number])))
            for number in self._held
        ]

    def loss(self, found: Tensor, truth: Tensor) -> Tensor:
        """Cross-entropy of in and out of focus, whatever grades there are."""
        return binary_cross_entropy_with_logits(self.in_focus(found), truth.flatten())

    def scores(self, found: Tensor, truth: Tensor) -> dict[str, float]:
        """Of what was held back; the loss is what the best is chosen by."""
        told = told_of(self.in_focus(found.double()).sigmoid(), truth.flatten() > 0.5)
        return {"loss": float(self.loss(found, truth)), **told}

    def learned(self, found: Tensor, truth: Tensor) -> dict[str, Any]:
        """Nothing besides: few images tell no temperature."""
        return {}

    def in_focus(self, found: Tensor) -> Tensor:
        """Logit of being in focus, of each image."""
        edges = self.said.get("edges")
        first = 1 if edges is None else sum(edge <= IN_FOCUS for edge in edges)
        return found[:, :first].logsumexp(1) - found[:, first:].logsumexp(1)

    def _part(self, number: int, rng: np.random.Generator | None = None) -> Tensor:
        """A square of an image: any, or the one in the middle."""
        image = self._shown[number]
        rooms = [n - self._side for n in image.shape[-2:]]
        y, x = (room // 2 if rng is None else int(rng.integers(room + 1)) for room in rooms)
        return image[:, y : y + self._side, x : x + self._side]
