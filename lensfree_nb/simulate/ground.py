"""Whose each point of a drawn field is: the cell with the highest OPD there, and the next below."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d

from lensfree_nb.simulate.render import Field, owned
from lensfree_nb.simulate.shapes import OUTLINE_FRACTION

NOBODY: Final = -1
LAYERS: Final = 2
# What is thinner belongs to nobody.
LEAST_NM: Final = 1.0


class Claim(NamedTuple):
    """Windows of cells on a field.

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

    places: Tensor
    rows: Tensor
    own_nm: Tensor
    inside: Tensor


class Ground(NamedTuple):
    """Whose ground is whose, point by point: of the highest cell, and of the one below it.

    Parameters
    ----------
    owner : Tensor of int64, shape (layer, y, x)
        Row of the cell, or -1.
    own_nm : Tensor, shape (layer, y, x)
        OPD of that cell alone (nm).
    inside : Tensor, shape (layer, y, x)
        Share of the point that its outline holds: 0 or 1, in between where points were joined.
    """

    owner: Tensor
    own_nm: Tensor
    inside: Tensor

    @classmethod
    def of(
        cls, claims: Iterable[Claim], shape: tuple[int, int], device: torch.device | str = "cpu"
    ) -> Ground:
        """Settle who owns what."""
        claims = list(claims)
        owner = torch.full((LAYERS, *shape), NOBODY, device=device)
        own, inside = (torch.zeros(LAYERS, *shape, device=device) for _ in range(2))
        for layer in range(LAYERS):
            highest = own[layer].view(-1)
            for claim in claims:
                rows = claim.rows[:, None, None].expand_as(claim.places)
                above = (owner[:layer].flatten(1)[:, claim.places] == rows).any(0)
                mine = torch.where(above, 0.0, claim.own_nm)
                before = highest[claim.places]
                highest.scatter_reduce_(0, claim.places.flatten(), mine.flatten(), "amax")
                won = (mine > before) & (mine == highest[claim.places]) & (mine > LEAST_NM)
                owner[layer].view(-1)[claim.places[won]] = rows[won]
                inside[layer].view(-1)[claim.places[won]] = claim.inside[won].to(inside)
        return cls(owner, own.masked_fill(owner == NOBODY, 0.0), inside)

    def coarser(self, factor: int) -> Ground:
        """Of pixels of so many points a side: each is whose highest point is."""
        own, inside = (avg_pool2d(part, factor) for part in self[1:])
        highest = max_pool2d(self.own_nm[None], factor, return_indices=True)[1][0]
        owner = self.owner.flatten(1).gather(1, highest.flatten(1)).view_as(highest)
        # Somewhere in a pixel the two may change places.
        twice = torch.zeros_like(owner, dtype=torch.bool)
        twice[1:] = owner[1:] == owner[:1]
        return Ground(
            owner.masked_fill(twice, NOBODY), own.masked_fill(twice, 0.0),
            inside.masked_fill(twice, 0.0),
        )  # fmt: skip


def draw_owned(
    table: pd.DataFrame, field: Field, device: torch.device | str = "cpu"
) -> tuple[Tensor, Ground]:
    """OPD (nm) of a culture on a grid, as ``render.draw`` gives it, and whose each point is."""
    height, width = field.shape
    number = torch.arange(height * width, device=device).view(height, width)
    opd, claims = torch.zeros(field.shape, device=device), []
    for batch, own, _ in owned(table, field, device):
        inside = own > OUTLINE_FRACTION * batch.cell["height_nm"]
        for i, place in batch.places(field.shape):
            row = torch.tensor([int(batch.rows[i])], device=device)
            part = [part[i][place.window][None] for part in (own, inside)]
            opd[place.canvas] += part[0][0]
            claims.append(Claim(number[place.canvas][None], row, *part))
    return opd, Ground.of(claims, field.shape, device)
