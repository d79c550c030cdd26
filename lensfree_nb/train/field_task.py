"""What all tasks share that learn from simulated fields: numbers, source, shelf."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lensfree_nb.checks import check_count, check_number, checked_seed
from lensfree_nb.errors import ParameterError
from lensfree_nb.nets.registry import find_model
from lensfree_nb.train.patches import PatchSource
from lensfree_nb.train.shelf import Batch, Shelf

RECONSTRUCTS: Final = "reconstruct"
# Fields of one source before the next one's turn.
IN_TURN: Final = 4
WHOLE: Final = (
    "field_px", "patch_px", "iterations", "shelf_fields", "validation_fields", "bank_cells",
)  # fmt: skip


@dataclass
class FieldTask:
    """Examples by the number of the step, from fields made as they are used.

    Parameters
    ----------
    seed, validation_seed : int
        Of the fields to learn from, and of those to validate on.
    field_px, patch_px, iterations : int
        As of ``PatchSource``.
    shelf_fields : int
        Fields at hand at any time.
    reuse : float
        How often, on average, a patch is used before its field leaves the shelf.
    validation_fields, bank_cells : int
        Fields to validate on, and cells in a bank.
    draft : str, optional
        Network that draws half of the fields once before.
    device : str
        Where torch works.

    Raises
    ------
    ParameterError
        If a number is not above 0, or should be whole, the seeds are one, or the draft is for
        something else.
    """

    seed: int
    validation_seed: int
    field_px: int = 512
    patch_px: int = 256
    iterations: int = 10
    shelf_fields: int = 48
    reuse: float = 4.0
    validation_fields: int = 10
    bank_cells: int = 1500
    draft: str | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        for name in WHOLE:
            check_count(name, getattr(self, name), 1)
        check_number("reuse", self.reuse, open_low=True)
        check_seeds(self.seed, self.validation_seed)
        drafter = find_model(self.draft).options.get("task") if self.draft else RECONSTRUCTS
        if drafter != RECONSTRUCTS:
            raise ParameterError(
                f"draft is {self.draft!r}, a network for {drafter}; name one that reconstructs"
            )
        self._sources = self.sources(self.seed)
        self._shelf = Shelf(
            self.learned_pair, self.seed, self._sources[0].patches_a_field,
            self.shelf_fields, self.reuse, self.vectors,
        )  # fmt: skip

    @property
    def vectors(self) -> Sequence[int]:
        """First channel of each pair of the truths that turns with the image; none here."""
        return ()

    def batch(self, step: int, size: int) -> Batch:
        """Inputs and truths of one step: the same for one step, however one came to it."""
        return self._shelf.batch(step, size)

    def source(self, seed: int) -> PatchSource:
        """Fields of a seed."""
        return PatchSource(
            seed, field_px=self.field_px, patch_px=self.patch_px, iterations=self.iterations,
            bank_cells=self.bank_cells, device=self.device,
            draft=find_model(self.draft) if self.draft else None,
        )  # fmt: skip

    def sources(self, seed: int) -> list[PatchSource]:
        """Where fields of a seed come from: all that a network is to know."""
        return [self.source(seed)]

    def learned_pair(self, number: int) -> Batch:
        """Inputs and truths of a field's patches to learn from: four of each source in turn."""
        return self.pair(self._sources[number // IN_TURN % len(self._sources)], number)

    def pair(self, source: PatchSource, number: int) -> Batch:
        """Inputs and truths of the patches of a field."""
        raise NotImplementedError


def check_seeds(seed: int, validation_seed: int) -> None:
    """Refuse what is no seed, and to validate on what is learned.

    Raises
    ------
    ParameterError
        If one is none, or both are one.
    """
    if checked_seed(seed) == checked_seed(validation_seed, "validation_seed"):
        raise ParameterError(
            f"validation_seed is {validation_seed}, as seed is: what is validated must not be "
            "learned"
        )
