"""Fields in and out of focus for a task: simulated cultures, real frames, and random objects."""

from __future__ import annotations

from dataclasses import dataclass

from lensfree_nb.train.focus_images import FocusSource, Planes
from lensfree_nb.train.random_objects import ObjectSource
from lensfree_nb.train.real_frames import FrameSource


@dataclass(frozen=True, slots=True)
class FocusFields:
    """Fields by their number.

    Parameters
    ----------
    simulated : FocusSource
        Where most come from.
    real_every, random_every : int
        Every how many a real one comes, and of the others one of random objects; 0 is never.
    part : {"train", "validation"}
        Which real frames.
    """

    simulated: FocusSource
    real_every: int
    random_every: int
    part: str

    def __post_init__(self) -> None:
        """Look for the real frames now."""
        if self.real_every:
            self._real()

    def field(self, number: int) -> Planes:
        """All planes of a field."""
        every = self.real_every
        if every and number % every == every - 1:
            return self._real().field(number // every)
        if self.random_every and number % self.random_every == self.random_every - 1:
            return self._random().field(number)
        return self.simulated.field(number)

    def _random(self) -> ObjectSource:
        like = self.simulated
        return ObjectSource(like.seed, like.field_px, like.planes, like.sharp, like.gap)

    def _real(self) -> FrameSource:
        like = self.simulated
        return FrameSource(like.seed, self.part, like.field_px, like.planes, like.sharp, like.gap)
