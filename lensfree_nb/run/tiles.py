"""A frame cut into tiles with a halo.

The grid belongs to the method: it follows from the frame's size, the tile's and the halo's, never
from how the data happen to be chunked. Cores cover the frame exactly once; what lies in a core
belongs to its tile.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral

from lensfree_nb.errors import TilingError

MIN_TILE_PX, ALIGNMENT = 32, 16


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile of a frame, as (rows, columns) slices.

    Parameters
    ----------
    core : (slice, slice)
        The pixels of the frame that the tile answers for.
    padded : (slice, slice)
        Core and halo, clipped to the frame: what the tile reads.
    frame : (int, int)
        Shape of the frame (px).
    halo_px : int
        What the tile reads beyond its core where the frame goes on.
    """

    core: tuple[slice, slice]
    padded: tuple[slice, slice]
    frame: tuple[int, int]
    halo_px: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the core (px)."""
        rows, columns = (core.stop - core.start for core in self.core)
        return rows, columns

    @property
    def inner(self) -> tuple[slice, slice]:
        """The core inside the padded tile."""
        return _within(self.core, self.padded)

    @property
    def centre_px(self) -> tuple[float, float]:
        """Centre of the core, from the centre of the frame (px)."""
        y, x = (
            (core.start + core.stop - size) / 2
            for core, size in zip(self.core, self.frame, strict=True)
        )
        return y, x

    def padded_in(self, other: Tile) -> tuple[slice, slice]:
        """Where the padded tile lies in the padded `other`."""
        return _within(self.padded, other.padded)

    def core_in(self, other: Tile) -> tuple[slice, slice]:
        """Where the core lies in the core of `other`."""
        return _within(self.core, other.core)

    def split(self, tile_px: int) -> tuple[Tile, ...]:
        """Smaller tiles, each with the same halo, whose cores cover this one's.

        >>> whole = tile_grid((100, 64), None, 8)[0]
        >>> whole.split(64) == tile_grid((100, 64), 64, 8)
        True
        """
        return _tiles(self.core, self.frame, tile_px, self.halo_px)

    def owns(self, y_px: float, x_px: float) -> bool:
        """Whether a point of the frame lies in the core (pixel i spans [i - 0.5, i + 0.5))."""
        return all(
            core.start - 0.5 <= value < core.stop - 0.5
            for core, value in zip(self.core, (y_px, x_px), strict=True)
        )


def tile_grid(shape: Sequence[int], tile_px: int | None, halo_px: int) -> tuple[Tile, ...]:
    """Tiles of about `tile_px` that cover a frame, row by row.

    Parameters
    ----------
    shape : (int, int)
        The frame (px).
    tile_px : int or None
        Longest side of a core; the frame is divided evenly, so no tile is a sliver. None is one
        tile.
    halo_px : int
        What a tile reads beyond its core on each side, where the frame goes on; up to 15 px more,
        so that it begins and ends at multiples of 16.

    Raises
    ------
    TilingError
        If the tile is too small to be worth its halo, or a number is negative.

    Examples
    --------
    >>> [tile.core for tile in tile_grid((100, 64), 64, 8)]
    [(slice(0, 50, None), slice(0, 64, None)), (slice(50, 100, None), slice(0, 64, None))]
    """
    if not (isinstance(halo_px, Integral) and halo_px >= 0):
        raise TilingError(f"halo_px is {halo_px!r}; it must be a whole number >= 0")
    if tile_px is not None and not (isinstance(tile_px, Integral) and tile_px >= MIN_TILE_PX):
        raise TilingError(
            f"tile_px is {tile_px!r}; it must be a whole number, at least {MIN_TILE_PX}, or None "
            "for a whole frame"
        )
    height, width = (int(n) for n in shape)
    if min(height, width) < 1:
        raise TilingError(f"a frame of {height} x {width} px cannot be tiled")
    return _tiles((slice(0, height), slice(0, width)), (height, width), tile_px, halo_px)


def grid_chunks(grid: Sequence[Tile]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Sizes of the cores along y and along x."""
    rows = {tile.core[0].start: tile.core[0].stop for tile in grid}
    columns = {tile.core[1].start: tile.core[1].stop for tile in grid}
    sizes = [tuple(cuts[start] - start for start in sorted(cuts)) for cuts in (rows, columns)]
    return sizes[0], sizes[1]


def _tiles(
    part: tuple[slice, slice], frame: tuple[int, int], tile_px: int | None, halo_px: int
) -> tuple[Tile, ...]:
    return tuple(
        Tile(
            core=core,
            padded=(_widened(core[0], halo_px, frame[0]), _widened(core[1], halo_px, frame[1])),
            frame=frame,
            halo_px=halo_px,
        )
        for core in itertools.product(_cuts(part[0], tile_px), _cuts(part[1], tile_px))
    )


def _cuts(side: slice, tile_px: int | None) -> Iterator[slice]:
    length = side.stop - side.start
    pieces = 1 if tile_px is None else math.ceil(length / tile_px)
    edges = [side.start + round(i * length / pieces) for i in range(pieces + 1)]
    for start, stop in itertools.pairwise(edges):
        yield slice(start, stop)


def _within(part: tuple[slice, slice], outer: tuple[slice, slice]) -> tuple[slice, slice]:
    rows, columns = (
        slice(one.start - origin.start, one.stop - origin.start)
        for one, origin in zip(part, outer, strict=True)
    )
    return rows, columns


def _widened(core: slice, halo: int, length: int) -> slice:
    # What a method averages over blocks of pixels falls on the same blocks as in the whole frame.
    start = max(core.start - halo, 0) // ALIGNMENT * ALIGNMENT
    stop = -(-(core.stop + halo) // ALIGNMENT) * ALIGNMENT
    return slice(start, min(stop, length))
