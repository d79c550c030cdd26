"""What the tasks of focus share: fields in several planes, a shelf of them, and their checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final

from lensfree_nb.checks import check_choice, check_count, check_number
from lensfree_nb.train.field_task import check_seeds
from lensfree_nb.train.focus_fields import FocusFields
from lensfree_nb.train.focus_images import FocusSource, Microscopes
from lensfree_nb.train.shelf import Batch, Shelf

MICROSCOPES: Final = ("paper", "any")


@dataclass
class FocusTask:
    """Examples by the number of the step, from fields made as they are used.

    Parameters
    ----------
    seed, validation_seed : int
        Of the fields to learn from, and of those to validate on.
    field_px, planes, microscopes
        As of :class:`~lensfree_nb.train.focus_images.FocusSource`.
    shelf_fields, reuse
        As of :class:`~lensfree_nb.train.shelf.Shelf`.
    validation_fields : int
        Fields to validate on.
    real_every : int
        Every how many fields a part of a real frame comes (``train.real_frames``); 0 is never.
    random_every : int
        Every how many of the others random objects come (``train.random_objects``); 0 is never.
    device : str
        Where torch works.

    Raises
    ------
    ParameterError
        If a number cannot be, or the seeds are one.
    """

    least_planes: ClassVar[int] = 1

    seed: int
    validation_seed: int
    field_px: int = 512
    planes: int = 4
    microscopes: Microscopes = "any"
    shelf_fields: int = 36
    reuse: float = 4.0
    validation_fields: int = 36
    real_every: int = 0
    random_every: int = 0
    device: str = "auto"
    _shelf: Shelf = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        for name in ("field_px", "shelf_fields", "validation_fields"):
            check_count(name, getattr(self, name), 1)
        check_count("planes", self.planes, self.least_planes)
        check_choice("microscopes", self.microscopes, MICROSCOPES)
        check_number("reuse", self.reuse, open_low=True)
        check_count("real_every", self.real_every)
        check_count("random_every", self.random_every)
        check_seeds(self.seed, self.validation_seed)
        learned = self._fields(self.seed, "train")
        self._shelf = Shelf(
            lambda number: self.examples(learned, number), self.seed, self.examples_a_field,
            self.shelf_fields, self.reuse,
        )  # fmt: skip

    @property
    def examples_a_field(self) -> int:
        """How many a field gives."""
        raise NotImplementedError

    def source(self, seed: int) -> FocusSource:
        """Where simulated fields of a seed come from; real and random ones are in such planes."""
        raise NotImplementedError

    def examples(self, fields: FocusFields, number: int) -> Batch:
        """What a network is shown of a field, and the truth."""
        raise NotImplementedError

    def batch(self, step: int, size: int) -> Batch:
        """Examples of one step: the same for one step, always."""
        return self._shelf.batch(step, size)

    def validation(self) -> list[Batch]:
        """Examples of fields that are never learned from."""
        held = self._fields(self.validation_seed, "validation")
        return [self.examples(held, number) for number in range(self.validation_fields)]

    def _fields(self, seed: int, part: str) -> FocusFields:
        return FocusFields(self.source(seed), self.real_every, self.random_every, part)
