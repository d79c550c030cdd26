"""What a simulated camera makes of the light: 16-bit counts with an offset, and saturation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lensfree_nb.errors import ParameterError


@dataclass(frozen=True, slots=True)
class Counts:
    """How a camera turns light into numbers (uint16).

    Parameters
    ----------
    background : float
        Counts of the bare background, above the offset.
    offset : float
        Counts without light.
    full_well : int
        Largest count: whatever is brighter is recorded as this (saturated).
    """

    background: float = 30_000.0
    offset: float = 100.0
    full_well: int = 65_535

    def __post_init__(self) -> None:
        """Refuse what no 16-bit camera can be."""
        if not 0 <= self.offset < self.full_well <= 65_535:
            raise ParameterError(
                f"offset is {self.offset}, full_well {self.full_well}; needed is "
                "0 <= offset < full_well <= 65535"
            )
        if not 0 < self.background < np.inf:
            raise ParameterError(f"background is {self.background}; it must be > 0 counts")

    def record(self, intensity: NDArray[np.floating]) -> NDArray[np.uint16]:
        """Counts of an intensity whose background is 1.

        >>> Counts(background=1000, offset=10, full_well=1500).record(np.array([0.0, 1.0, 2.0]))
        array([  10, 1010, 1500], dtype=uint16)
        """
        counts = np.rint(self.offset + self.background * intensity)
        return np.asarray(np.clip(counts, 0, self.full_well), np.uint16)
