"""Whose each point of a drawn field is: that cell's whose OPD is the highest there."""

from __future__ import annotations

from typing import Final, NamedTuple

import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d

from lensfree_nb.simulate.render import Field, owned
from lensfree_nb.simulate.shapes import OUTLINE_FRACTION

NOBODY: Final = -1
# What is thinner belongs to nobody.
LEAST_NM: Final = 1.0


class Ground(NamedTuple):
    """Whose ground is whose, point by point.

    Parameters
    ----------
    owner : Tensor of int64, shape (y, x)
        Row of the cell, or -1.
    own_nm : Tensor, shape (y, x)
        OPD of that cell alone (nm).
    inside : Tensor, shape (y, x)
        Share of the point that its outline holds: 0 or 1, in between where points were joined.
    """

    owner: Tensor
    own_nm: Tensor
    inside: Tensor

    @classmethod
    def bare(cls, shape: tuple[int, int], device: torch.device | str) -> Ground:
        """On which nobody lies."""
        nobody = torch.full(shape, NOBODY, device=device)
        return cls(nobody, *(torch.zeros(shape, device=device) for _ in range(2)))

    def claim(self, places: Tensor, rows: Tensor, own_nm: Tensor, inside: Tensor) -> None:
        """Take what is theirs: where their OPD is the highest so far.

        Parameters
        ----------
        places : Tensor of int64, shape (n, side, side)
            Number of each point, counted row by row.
        rows : Tensor of int64, shape (n,)
            Which cells.
        own_nm : Tensor, shape (n, side, side)
            Their OPD (nm).
        inside : Tensor of bool, shape (n, side, side)
            Where their outlines hold the points.
        """
        flat = self.own_nm.view(-1)
        before = flat[places]
        flat.scatter_reduce_(0, places.flatten(), own_nm.flatten(), "amax")
        won = (own_nm > before) & (own_nm == flat[places]) & (own_nm > LEAST_NM)
        self.owner.view(-1)[places[won]] = rows[:, None, None].expand_as(places)[won]
        self.inside.view(-1)[places[won]] = inside[won].to(self.inside)

    def coarser(self, factor: int) -> Ground:
        """Of pixels of so many points a side: each is whose highest point is."""
        own, inside = (avg_pool2d(part[None], factor)[0] for part in self[1:])
        highest = max_pool2d(self.own_nm[None, None], factor, return_indices=True)[1][0, 0]
        return Ground(self.owner.view(-1)[highest], own, inside)


def ground_of(table: pd.DataFrame, field: Field, device: torch.device | str = "cpu") -> Ground:
    """Whose each point is of a culture that is drawn on a grid (``render.draw``)."""
    found = Ground.bare(field.shape, device)
    number = torch.arange(found.owner.numel(), device=device).view(field.shape)
    for batch, own, _ in owned(table, field, device):
        inside = own > OUTLINE_FRACTION * batch.cell["height_nm"]
        for i, place in batch.places(field.shape):
            row = torch.tensor([int(batch.rows[i])], device=device)
            part = (part[i][place.window][None] for part in (own, inside))
            found.claim(number[place.canvas][None], row, *part)
    return found
