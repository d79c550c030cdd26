"""Fields in and out of focus for a task: simulated cultures, real frames, and random objects."""

from __future__ import annotations

from dataclasses import dataclass

from lensfree_nb.train.focus_images import FocusSource, Planes
from lensfree_nb.train.random_objects import ObjectSource
from lensfree_nb.train.real_frames import FrameSource

SIMULATED, REAL, RANDOM = "simulated", "real", "random"


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
        kind, own = self.source_of(number)
        source: FrameSource | ObjectSource | FocusSource = self.simulated
        if kind != SIMULATED:
            source = self._real() if kind == REAL else self._random()
        return source.field(own)

    def source_of(self, number: int) -> tuple[str, int]:
        """Of what kind a field is, and the how manieth of it: so each source shows all it has."""
        taken, number = _turn(number, self.real_every)
        if taken:
            return REAL, number
        taken, number = _turn(number, self.random_every)
        return (RANDOM if taken else SIMULATED), number

    def _random(self) -> ObjectSource:
        like = self.simulated
        return ObjectSource(like.seed, like.field_px, like.planes, like.sharp, like.gap)

    def _real(self) -> FrameSource:
        like = self.simulated
        return FrameSource(like.seed, self.part, like.field_px, like.planes, like.sharp, like.gap)


def _turn(number: int, every: int) -> tuple[bool, int]:
    """Whether it is the turn of what comes every so often, and how many of its kind came before.

    >>> [_turn(number, 3) for number in range(6)]
    [(False, 0), (False, 1), (True, 0), (False, 2), (False, 3), (True, 1)]
    """
    if not every:
        return False, number
    rounds, place = divmod(number, every)
    return (True, rounds) if place == every - 1 else (False, number - rounds)
