"""Fields at hand to learn from: each is used a few times, then makes room for a new one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from lensfree_nb.nets.symmetry import SYMMETRIES, turned, turned_with

Batch = tuple[Tensor, Tensor]


@dataclass
class Shelf:
    """Examples by the number of the step, whatever steps came before.

    Parameters
    ----------
    make : callable
        From a field's number to its inputs and truths, both (patch, channel, y, x).
    seed : int
        Of what is chosen.
    patches_a_field, fields : int
        Patches in each field, and fields at hand at any time.
    reuse : float
        How often, on average, a patch is used before its field leaves the shelf.
    vectors : sequence of int
        First channel of each pair of the truths (along y, along x) that turns with the image.
    """

    make: Callable[[int], Batch]
    seed: int
    patches_a_field: int
    fields: int
    reuse: float
    vectors: Sequence[int] = ()
    _held: deque[Batch] = field(default_factory=deque, init=False)
    _next: int = field(default=0, init=False)

    def batch(self, step: int, size: int) -> Batch:
        """Inputs and truths of one step, each in one of the eight ways to turn a square."""
        used = size / (self.reuse * self.patches_a_field)
        self._fill(int(step * used))
        rng = np.random.default_rng([self.seed, step])
        chosen = []
        for _ in range(size):
            held = self._held[int(rng.integers(self.fields))]
            patch = int(rng.integers(len(held[0])))
            number = int(rng.integers(SYMMETRIES))
            image, truth = (part[patch] for part in held)
            chosen.append((turned(image, number), turned_with(truth, number, self.vectors)))
        inputs, truths = (torch.stack(part) for part in zip(*chosen, strict=True))
        return inputs, truths

    def _fill(self, first: int) -> None:
        """It holds fields `first`, `first` + 1, ...: only new ones are made."""
        start = max(first, self._next)
        if first < self._next - len(self._held):
            self._held.clear()
            start = first
        for number in range(start, first + self.fields):
            self._held.append(self.make(number))
        while len(self._held) > self.fields:
            self._held.popleft()
        self._next = first + self.fields
