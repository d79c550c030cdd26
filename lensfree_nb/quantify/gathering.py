"""What the pixels of each cell add up to, where a network has drawn whose each pixel is.

Each pixel points to the centroid of its cell, as in instance segmentation by offsets (Neven et al.,
CVPR 2019); pixels that meet near a centre are that cell's. From the far ends of long cells steps
fall short: what points to no centre follows on, once, from where it points.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import torch
from torch import Tensor

from lensfree_nb.nets.units import OPD_UNIT_NM, PITCH_UM
from lensfree_nb.quantify.channels import STEP_PX, Channels
from lensfree_nb.quantify.discs import disc_pixels
from lensfree_nb.quantify.equations import dry_mass_pg, optical_volume_um3
from lensfree_nb.quantify.representation import NOBODY, REACH_PX

# How near to a centre (px) the pixels of its cell must point.
AIM_PX: Final = 7.0
LEAST_INSIDE, INSIDE = 0.03, 0.5
# Share of its larger area that a cell keeps: one that divides half.
LEAST_LEFT: Final = 1 / 3
# So that each has a logarithm, however little there is.
LEAST_PX, LEAST_PG, LEAST_NM = 4.0, 1.0, 2.0


class Sums(NamedTuple):
    """Of cells, at one moment: each of shape (n,), float64; y and x (µm) from their centres."""

    area_um2: Tensor
    dry_mass_pg: Tensor
    max_opd_nm: Tensor
    major_axis_um: Tensor
    y_um: Tensor
    x_um: Tensor


def gathered(ground: Tensor, centres: Tensor, channels: Channels) -> Tensor:
    """What cells measure, or what became of them, of their pixels at one moment, or at two.

    Parameters
    ----------
    ground : Tensor, shape (channels.ground, y, x)
        As networks draw it: the last images.
    centres : Tensor of int64, shape (n, 2)
        Rows and columns.
    channels : Channels
        What was drawn.

    Returns
    -------
    Tensor, shape (4, n), float64
        At one moment ``channels.METRICS``; the least that is measured where a cell has no pixel. At
        two, displacement (y, x; µm), and by how much the major axis (µm) and the dry mass (pg) have
        grown; 0 where a cell has none at either.
    """
    each = sums_of_moments(ground, centres, channels)
    if len(each) == 1:
        return torch.stack(each[0][:4])
    before, after = each
    names = ("y_um", "x_um", "major_axis_um", "dry_mass_pg")
    return torch.stack([getattr(after, name) - getattr(before, name) for name in names])


def vanished(ground: Tensor, centres: Tensor, channels: Channels) -> Tensor:
    """Of which cells next to nothing is found at one of the moments (n,), as of those that leave.

    Parameters
    ----------
    ground, centres, channels
        As of :func:`gathered`.
    """
    areas = torch.stack([each.area_um2 for each in sums_of_moments(ground, centres, channels)])
    return areas.amin(0) < LEAST_LEFT * areas.amax(0)


def sums_of_moments(ground: Tensor, centres: Tensor, channels: Channels) -> list[Sums]:
    """What pixels add up to, moment by moment.

    Parameters
    ----------
    ground, centres, channels
        As of :func:`gathered`.
    """
    layers = channels.parted(ground)
    return [
        sums(
            [(steps[2 * moment : 2 * moment + 2], inside[moment], own[moment])
             for steps, inside, own in layers],
            centres,
        )
        for moment in range(channels.moments)
    ]  # fmt: skip


def sums(layers: Sequence[tuple[Tensor, Tensor, Tensor]], centres: Tensor) -> Sums:
    """What pixels add up to at one moment.

    Area, second moments and centroid are those of the outline, a pixel counting by how surely it is
    inside; dry mass and highest OPD are those of the cell's own OPD.

    Parameters
    ----------
    layers : sequence of (Tensor, Tensor, Tensor)
        Steps (2, y, x), outline (y, x) and own OPD (y, x) as they are drawn, the highest cell's
        first. What one cell claims twice counts once.
    centres : Tensor of int64, shape (n, 2)
        Rows and columns.
    """
    y, x, owner, share, opd_nm = (
        torch.cat(part) for part in zip(*_pixels(layers, centres), strict=True)
    )
    dy, dx = (at - centres[owner, axis] for axis, at in enumerate((y, x)))
    parts = [opd_nm, share, *(share * part for part in (dy, dx, dy * dy, dx * dx, dy * dx))]
    count = len(centres)
    total = torch.zeros(len(parts), count, dtype=torch.float64, device=owner.device)
    total.index_add_(1, owner, torch.stack(parts))
    highest = torch.zeros(count, dtype=torch.float64, device=owner.device)
    highest.scatter_reduce_(0, owner, torch.where(share > INSIDE, opd_nm, 0.0), "amax")
    pixels = total[1].clamp(min=LEAST_PX)
    moments = total[2:] / pixels
    return Sums(
        pixels * PITCH_UM**2,
        (total[0] * dry_mass_pg(optical_volume_um3(1.0, PITCH_UM))).clamp(min=LEAST_PG),
        highest.clamp(min=LEAST_NM),
        _major_axis_px(moments) * PITCH_UM,
        moments[0] * PITCH_UM,
        moments[1] * PITCH_UM,
    )


def _pixels(
    layers: Sequence[tuple[Tensor, Tensor, Tensor]], centres: Tensor
) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor, Tensor]]:
    """Of each layer the pixels that cells own: row, column, owner, share inside, own OPD (nm)."""
    shape = layers[0][1].shape
    taken = torch.full(shape, NOBODY, device=centres.device)
    for steps, inside, own in layers:
        surely = inside.sigmoid()
        y, x = (surely > LEAST_INSIDE).nonzero().unbind(1)
        owner = _owner(steps, surely > INSIDE, y, x, centres)
        held = (owner != NOBODY) & (owner != taken[y, x])
        y, x, owner = y[held], x[held], owner[held]
        taken[y, x] = owner
        opd_nm = own[y, x].clamp(min=0).double() * OPD_UNIT_NM
        yield y, x, owner, surely[y, x].double(), opd_nm


def _owner(steps: Tensor, inside: Tensor, y: Tensor, x: Tensor, centres: Tensor) -> Tensor:
    """Row of the cell to whose centre each pixel points; -1 where there is none, or too far off."""
    aims = torch.full_like(inside, NOBODY, dtype=torch.int64)
    place, nearest = disc_pixels(centres, (inside.shape[0], inside.shape[1]), 2 * AIM_PX)
    aims.view(-1)[place] = nearest
    to_y, to_x, near = _pointed(steps, y, x, y, x)
    owner = torch.where(near, aims[to_y, to_x], NOBODY)
    short = ((owner == NOBODY) & near & inside[to_y, to_x]).nonzero()[:, 0]
    to_y, to_x, near = _pointed(steps, to_y[short], to_x[short], y[short], x[short])
    owner[short] = torch.where(near, aims[to_y, to_x], NOBODY)
    return owner


def _pointed(
    steps: Tensor, y: Tensor, x: Tensor, from_y: Tensor, from_x: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Where pixels point (row, column), and whether that is in the image and in a cell's reach.

    Reach counts from the pixels that set out; what lies beyond the image is called its first pixel.
    """
    step = steps[:, y, x] * STEP_PX
    to_y, to_x = (y + step[0]).round().long(), (x + step[1]).round().long()
    near = (to_y >= 0) & (to_y < steps.shape[1]) & (to_x >= 0) & (to_x < steps.shape[2])
    near &= (to_y - from_y).square() + (to_x - from_x).square() <= REACH_PX**2
    return torch.where(near, to_y, 0), torch.where(near, to_x, 0), near


def _major_axis_px(moments: Tensor) -> Tensor:
    """Of the ellipse with these moments (y, x, yy, xx, yx; n) about the centre."""
    y, x, yy, xx, yx = moments
    yy, xx, yx = yy - y * y, xx - x * x, yx - y * x
    largest = (yy + xx) / 2 + (((yy - xx) / 2).square() + yx.square()).sqrt()
    axis: Tensor = 4 * largest.clamp(min=LEAST_PX / (4 * math.pi)).sqrt()
    return axis
