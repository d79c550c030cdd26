"""The optical path difference of one cell of each kind, in closed form.

Every shape is a function of the cell's row in the culture table and of nothing else: no random
numbers here. Rows are worked on together: columns come as tensors ``(n, 1, 1)``, coordinates as
``(n, y, x)`` from each cell's centre (µm).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from torch import Tensor

Columns = Mapping[str, Tensor]
EDGE_SOFTNESS: Final = 0.08
OUTLINE_FRACTION: Final = 0.2
LOBES: Final = (2, 3, 4, 5, 7)
WAVES: Final = (1, 2, 3, 4, 5, 6)
NUCLEOLI: Final = (1, 2)
RIPPLE_UM: Final = 6.0
BALL_FLANK: Final = 0.5
# How far a furrow reaches along the long half axis.
FURROW: Final = 0.35
TIP_SHARPNESS, LAMELLA_SHARPNESS = 18.0, 4.0


class Layers(NamedTuple):
    """A cell as a sum of two parts that each have a height of their own.

    Parameters
    ----------
    body, core : Tensor, shape (n, y, x)
        OPD is ``height_nm * body + nucleus_nm * core``; the body of what has no core is all of it.
    radius : Tensor, shape (n, y, x)
        From the centre, 1 at the outline: which of two neighbours a place belongs to.
    """

    body: Tensor
    core: Tensor
    radius: Tensor

    def opd_nm(self, cell: Columns) -> Tensor:
        """Optical path difference (nm)."""
        return cell["height_nm"] * self.body + get(cell, "nucleus_nm") * self.core


def get(cell: Columns, name: str, default: float = 0.0) -> Tensor:
    """A column, or what stands for it where the table has none."""
    if name in cell:
        return cell[name]
    return torch.full_like(cell["height_nm"], default)


def adherent(cell: Columns, dy: Tensor, dx: Tensor) -> Layers:
    """A spread cell: irregular lamella with a soft edge, tips, one lamellipodium, nucleus, grain.

    Columns: ``semi_major_um, semi_minor_um, angle_rad, height_nm, nucleus_nm``; optional ones are
    0 where absent: ``lobe_n, phase_n`` (outline, n in LOBES), ``tip`` (two pointed ends),
    ``lamella, lamella_rad`` (a thin sheet to one side), ``taper`` (thinner towards the edge),
    ``edge`` (its softness, 0.08 where absent), ``texture`` (a regular ripple), ``granules`` with
    ``wave_k_y, wave_k_x`` (rad/µm) and ``wave_k_phase``, ``nucleus_y, nucleus_x`` (shift, in half
    axes), ``nucleolus_k`` (share of the nucleus' height) at ``nucleolus_k_y, nucleolus_k_x`` (µm).
    """
    along, across = turned(cell["angle_rad"], dy, dx)
    u, v = along / cell["semi_major_um"], across / cell["semi_minor_um"]
    bearing = torch.atan2(v, u)
    side = sheet(bearing - get(cell, "lamella_rad"))
    outline = 1 + get(cell, "lamella") * side
    outline = outline + _lobes(cell, bearing)
    if "tip" in cell:
        outline = outline + cell["tip"] * ends(bearing)
    radius = torch.hypot(u, v) / outline
    inside = torch.sigmoid((1 - radius) / get(cell, "edge", EDGE_SOFTNESS))
    thin = 1 - get(cell, "taper") * radius.clamp(max=1.2) ** 2
    thin = thin * (1 - (get(cell, "lamella") > 0) * 0.5 * side * (radius - 0.5).clamp(0, 1))
    body = thin * (1 + _grain(cell, along, across)) * inside
    nu, nv = u - get(cell, "nucleus_x"), v - get(cell, "nucleus_y")
    core = torch.exp(-((nu / 0.35) ** 2) - (nv / 0.55) ** 2)
    for k in NUCLEOLI:
        if f"nucleolus_{k}" in cell:
            squared = (along - cell[f"nucleolus_{k}_x"]) ** 2 + (
                across - cell[f"nucleolus_{k}_y"]
            ) ** 2
            core = core + cell[f"nucleolus_{k}"] * torch.exp(-squared / 1.3**2)
    return Layers(body, core * inside, radius)


def ends(bearing: Any) -> Any:
    """How near a bearing (rad, tensor or array) is to either end of the long axis: 1 at it."""
    return math.e ** (TIP_SHARPNESS * (_cos(bearing).__abs__() - 1))


def sheet(bearing: Any) -> Any:
    """How near a bearing (rad, tensor or array) is to 0: the profile of a lamellipodium."""
    return math.e ** (LAMELLA_SHARPNESS * (_cos(bearing) - 1))


def turned(angle: Tensor, dy: Tensor, dx: Tensor) -> tuple[Tensor, Tensor]:
    """Coordinates along and across a cell's own axis."""
    cos, sin = torch.cos(angle), torch.sin(angle)
    return dx * cos + dy * sin, dy * cos - dx * sin


def _cos(angle: Any) -> Any:
    return torch.cos(angle) if isinstance(angle, Tensor) else np.cos(angle)


def ball(cell: Columns, dy: Tensor, dx: Tensor) -> Layers:
    """A rounded or suspended cell: a sphere of radius ``semi_major_um``, ``height_nm`` at most."""
    radius = torch.hypot(dy, dx) / cell["semi_major_um"]
    return Layers(_dome(radius), torch.zeros_like(radius), radius)


def waisted(cell: Columns, dy: Tensor, dx: Tensor) -> Layers:
    """A rounded cell with a furrow, as it divides: a solid of revolution about ``semi_major_um``.

    ``semi_minor_um`` is its half width without the furrow, which takes the share ``furrow`` of it
    in the middle; ``height_nm`` is what it would measure there without.
    """
    along, across = turned(cell["angle_rad"], dy, dx)
    u = along / cell["semi_major_um"]
    width = 1 - get(cell, "furrow") * torch.exp(-((u / FURROW) ** 2))
    radius = torch.hypot(u, across / cell["semi_minor_um"] / width)
    return Layers(width * _dome(radius), torch.zeros_like(radius), radius)


def amoeboid(cell: Columns, dy: Tensor, dx: Tensor) -> Layers:
    """A thick cell of no regular form: a lobed outline, flanks steep or gentle, a grain.

    Columns: ``semi_major_um, semi_minor_um, angle_rad, height_nm``; ``flank`` is the power to
    which ``1 - r²`` is raised (0.5, a ball's, where absent), the others are those of `adherent`.
    """
    along, across = turned(cell["angle_rad"], dy, dx)
    u, v = along / cell["semi_major_um"], across / cell["semi_minor_um"]
    radius = torch.hypot(u, v) / (1 + _lobes(cell, torch.atan2(v, u)))
    thick = (1 - radius**2).clamp(min=0) ** get(cell, "flank", BALL_FLANK)
    body = thick * (1 + _grain(cell, along, across))
    return Layers(body, torch.zeros_like(radius), radius)


def pair_of_balls(cell: Columns, dy: Tensor, dx: Tensor) -> Layers:
    """Two equal spheres ``apart_um`` apart, along ``angle_rad``: doublets, and late anaphase.

    Where they interpenetrate the thicker counts, as of two cells pressed together.
    """
    along, across = turned(cell["angle_rad"], dy, dx)
    half = cell["apart_um"] / 2
    first, second = (
        torch.hypot(along - side * half, across) / cell["semi_major_um"] for side in (1, -1)
    )
    radius = torch.minimum(first, second)
    return Layers(torch.maximum(_dome(first), _dome(second)), torch.zeros_like(radius), radius)


def red_cell(cell: Columns, dy: Tensor, dx: Tensor) -> Layers:
    """A red blood cell lying flat: a biconcave disc (Evans & Fung, Microvasc. Res. 4, 335, 1972).

    Thickness at ``r = radius``: ``sqrt(1 - r²) (0.207 + 2.003 r² - 1.123 r⁴)`` of its radius,
    scaled so that the rim has ``height_nm``.
    """
    along, across = turned(cell["angle_rad"], dy, dx)
    radius = torch.hypot(along / cell["semi_major_um"], across / cell["semi_minor_um"])
    r2 = radius.clamp(max=1) ** 2
    profile = (1 - r2).sqrt() * (0.207 + 2.003 * r2 - 1.123 * r2 * r2)
    return Layers(profile / RED_CELL_RIM, torch.zeros_like(radius), radius)


def rod(cell: Columns, dy: Tensor, dx: Tensor) -> Layers:
    """A rod with round ends, of its two half axes: yeast, and debris the size of bacteria."""
    along, across = turned(cell["angle_rad"], dy, dx)
    straight = (cell["semi_major_um"] - cell["semi_minor_um"]).clamp(min=0)
    beyond = (along.abs() - straight).clamp(min=0)
    radius = torch.hypot(beyond, across) / cell["semi_minor_um"]
    return Layers(_dome(radius), torch.zeros_like(radius), radius)


RED_CELL_RIM: Final = float(
    max(
        math.sqrt(1 - r * r) * (0.207 + 2.003 * r * r - 1.123 * r**4)
        for r in (i / 1000 for i in range(1000))
    )
)
SHAPES: Final[Mapping[str, Callable[[Columns, Tensor, Tensor], Layers]]] = {
    "adherent": adherent,
    "epithelial": adherent,
    "spindle": adherent,
    "round": ball,
    "suspended": ball,
    "waisted": waisted,
    "doublet": pair_of_balls,
    "anaphase": pair_of_balls,
    "amoeboid": amoeboid,
    "red_cell": red_cell,
    "rod": rod,
    "debris": rod,
}
SPREAD: Final = frozenset(kind for kind, shape in SHAPES.items() if shape is adherent)
LOBED: Final = SPREAD | {"amoeboid"}
# What a network has not met is what it is tested on: never drawn for training or tuning.
TEST_ONLY: Final = frozenset({"doublet", "anaphase", "red_cell", "measured"})
# And what it is tuned on: never drawn for training.
TUNE_ONLY: Final = frozenset({"amoeboid", "rod"})


def _dome(radius: Tensor) -> Tensor:
    return (1 - radius**2).clamp(min=0).sqrt()


def _lobes(cell: Columns, bearing: Tensor) -> Tensor:
    """By how much the outline exceeds its ellipse in each direction."""
    beyond = torch.zeros_like(bearing)
    for n in LOBES:
        if f"lobe_{n}" in cell:
            beyond = beyond + cell[f"lobe_{n}"] * torch.cos(n * bearing + cell[f"phase_{n}"])
    return beyond


def _grain(cell: Columns, along: Tensor, across: Tensor) -> Tensor:
    grain = torch.zeros_like(along)
    if "texture" in cell:
        k = 2 * math.pi / RIPPLE_UM
        ripple = torch.sin(k * along + get(cell, "phase_3")) * torch.sin(
            k * across + get(cell, "phase_5")
        )
        grain = grain + cell["texture"] * ripple
    if "granules" in cell:
        waves = torch.zeros_like(along)
        for n in WAVES:
            place = cell[f"wave_{n}_y"] * across + cell[f"wave_{n}_x"] * along
            waves = waves + torch.cos(place + cell[f"wave_{n}_phase"])
        grain = grain + cell["granules"] * waves * math.sqrt(2 / len(WAVES))
    return grain
