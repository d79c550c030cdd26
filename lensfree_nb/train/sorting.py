"""The task of a network that tells images in focus from others, and how far these are from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from scipy.stats import rankdata
from torch import Tensor
from torch.nn.functional import cross_entropy

from lensfree_nb.checks import check_choice, check_count, check_flag
from lensfree_nb.nets.header import FITS, MOST_SIDE_PX
from lensfree_nb.refocus.verdict import IN_FOCUS, shown
from lensfree_nb.train.focus_fields import FocusFields
from lensfree_nb.train.focus_images import FocusSource, Microscopes, grade_shares
from lensfree_nb.train.focus_task import FocusTask
from lensfree_nb.train.shelf import Batch

# Between grades of defocus (depths of field).
EDGES: Final = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
MICROSCOPES: Final = ("paper", "any")
COOLEST, HOTTEST = 0.1, 10.0


@dataclass
class Sorting(FocusTask):
    """Examples, loss and scores of networks that sort.

    Parameters
    ----------
    graded : bool
        Whether how far from the focus is learned, or only in and out, as in Xue 2021; of two
        classes, nothing lies between them.
    side_px : int, optional
        Of the squares that images are made into before they are shown; patches as large as half a
        field, where none is given.
    fit : {"resize", "crop"}
        How.
    seed, validation_seed, ...
        As of :class:`~lensfree_nb.train.focus_task.FocusTask`.

    Raises
    ------
    ParameterError
        If a number is not above 0, or the seeds are one.
    """

    least_planes: ClassVar[int] = 2

    graded: bool = True
    field_px: int = 536
    microscopes: Microscopes = "paper"
    side_px: int | None = None
    fit: str = "resize"

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        if self.side_px is not None:
            check_count("side_px", self.side_px, 1, MOST_SIDE_PX)
        check_flag("graded", self.graded)
        check_choice("fit", self.fit, FITS)
        super().__post_init__()

    @property
    def examples_a_field(self) -> int:
        """Images of all planes, whole or in quarters."""
        return self.planes * (4 if self.side_px is None else 1)

    def options(self) -> dict[str, Any]:
        """Inputs and outputs of its networks, and how they are shown images."""
        said: dict[str, Any] = {"task": "sort", "inputs": 1, "fit": self.fit}
        said |= {} if self.side_px is None else {"side_px": self.side_px}
        grades = {"outputs": len(EDGES) + 1, "edges": list(EDGES)}
        return said | (grades if self.graded else {"outputs": 2})

    def loss(self, found: Tensor, truth: Tensor) -> Tensor:
        """Cross-entropy of the grades."""
        return cross_entropy(found, self._grades(truth))

    def scores(self, found: Tensor, truth: Tensor) -> dict[str, float]:
        """Of the whole validation; the loss is what the best is chosen by."""
        away = truth.flatten()
        shares = found.double().softmax(1)
        focus = shares[:, : self._in_focus()].sum(1)
        sharp = away <= IN_FOCUS
        return {"loss": float(self.loss(found, truth)), **told_of(focus, sharp)}

    def learned(self, found: Tensor, truth: Tensor) -> dict[str, Any]:
        """The temperature that makes probabilities right, and how often each grade came."""
        grades, logits = self._grades(truth), found.double()

        def badness(log: float) -> float:
            return float(cross_entropy(logits / float(np.exp(log)), grades))

        best = minimize_scalar(badness, bounds=(np.log(COOLEST), np.log(HOTTEST)), method="bounded")
        told: dict[str, Any] = {"temperature": round(float(np.exp(best.x)), 4)}
        if self.graded:
            told["grade_shares"] = [round(n, 4) for n in grade_shares(EDGES, self.planes)]
        return told

    def _in_focus(self) -> int:
        """How many of the first grades count as in focus."""
        return EDGES.index(IN_FOCUS) + 1 if self.graded else 1

    def _grades(self, truth: Tensor) -> Tensor:
        away = truth.flatten()
        edges = torch.tensor(EDGES if self.graded else (IN_FOCUS,)).to(away)
        return torch.bucketize(away, edges)

    def source(self, seed: int) -> FocusSource:
        """Simulated fields of a seed."""
        return FocusSource(
            seed, field_px=self.field_px, planes=self.planes, microscopes=self.microscopes,
            gap=not self.graded, device=self.device,
        )  # fmt: skip

    def examples(self, fields: FocusFields, number: int) -> Batch:
        """What a network is shown of a field, and the distance (image, 1, 1, 1) of each."""
        images, away, _ = fields.field(number)
        if self.side_px is None:
            half = self.field_px // 2
            corners = [(y, x) for y in (0, half) for x in (0, half)]
            images = torch.cat([images[..., y : y + half, x : x + half] for y, x in corners])
            away = away.repeat(len(corners))
        return shown(images, self.options()), away[:, None, None, None]


def told_of(focus: Tensor, sharp: Tensor) -> dict[str, float]:
    """Accuracy and area under the curve of focus probabilities (image)."""
    return {
        "accuracy": float(((focus > 0.5) == sharp).double().mean()),
        "auc": area_under_curve(focus.numpy(force=True), sharp.numpy(force=True)),
    }


def area_under_curve(scores: np.ndarray, positive: np.ndarray) -> float:
    """Area under the receiver's curve, ties counted half (Mann and Whitney 1947); NaN of one class.

    >>> area_under_curve(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1]))
    0.75
    """
    many, few = int(np.sum(positive)), int(len(positive) - np.sum(positive))
    if not many or not few:
        return float("nan")
    ranks = rankdata(scores)[np.asarray(positive, bool)].sum()
    return float((ranks - many * (many + 1) / 2) / (many * few))
