"""A kernel carried over every frame of a dataset, tile by tile.

numpy goes in and is computed at once; dask goes in and stays lazy. Where a chunk holds a whole
frame, one task loops over the frame's tiles, so memory is bounded by the tile; where frames are
cut in chunks, one task a tile reads just the pixels it needs. Both call the same function on the
same pixels, so every chunking gives the same bytes.

A frame that cannot be worked on must never cost the finished ones, and a mistake of the call must
never pass for a bad frame; see :func:`map_tiles`, `on_error`.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lensfree_nb.errors import LensfreeError, ParameterError, QualityWarning
from lensfree_nb.run.devices import with_smaller_tiles
from lensfree_nb.run.failures import is_of_the_frame
from lensfree_nb.run.tiles import Tile, grid_chunks, tile_grid

Arrays = dict[str, NDArray[Any]]
OnError = Literal["raise", "flag"]


class TileKernel(Protocol):
    """Pixels of a padded tile, and the frame's arguments, to maps over its core and sums.

    A sum over a tile must be the sum over its parts: a tile that does not fit into a GPU's memory
    is worked on in parts, with the same halo.
    """

    def __call__(self, image: NDArray[Any], *arguments: NDArray[Any], tile: Tile) -> Arrays:
        """One tile."""
        ...


@dataclass(frozen=True, slots=True)
class Output:
    """What a kernel returns under one name.

    Parameters
    ----------
    dtype : str
        numpy dtype of the result; where frames may be flagged it must be able to hold NaN.
    sums : int
        0 for a map over the frame; else the length of a vector that is added up over tiles.
    attrs : mapping
        Attributes of the resulting variable.
    """

    dtype: str = "float32"
    sums: int = 0
    attrs: Mapping[str, Any] = field(default_factory=dict)


def map_tiles(
    kernel: TileKernel,
    frames: xr.DataArray,
    arguments: Sequence[xr.DataArray],
    *,
    outputs: Mapping[str, Output],
    grid: Sequence[Tile],
    on_error: OnError = "raise",
) -> xr.Dataset:
    """Carry `kernel` over the frames of an array.

    Parameters
    ----------
    kernel : TileKernel
        A frozen dataclass with ``__call__`` (it travels to workers and names the task).
    frames : DataArray, ([time,] ..., y, x)
        What is cut into tiles; all dims but time belong to one frame.
    arguments : sequence of DataArray, ([time,] ...)
        Small arrays a frame needs besides; may be lazy.
    outputs : mapping of str to Output
        What the kernel returns.
    grid : sequence of Tile
        From :func:`lensfree_nb.run.tiles.tile_grid`.
    on_error : {"raise", "flag"}
        Whether a frame that cannot be worked on ends the run, or is flagged with a warning: the
        tile that failed becomes NaN in every map, the frame's sums become NaN, its other tiles
        are kept. Whoever makes a number of the sums sees that the frame is not to be trusted.
        Flagged are this package's errors about data, and ``ArithmeticError``, ``OSError``,
        ``RuntimeError``, ``ValueError`` of the kernel. Raised either way is what would befall
        every frame: a wrong parameter or setup, an absent or broken device, and every other
        error (``TypeError``, ``MemoryError``, ...).

    Returns
    -------
    Dataset
        Maps as ``[time,] y, x``, sums as ``[time,] NAME_sum``; coordinates of `frames` kept.

    Raises
    ------
    ParameterError
        If frames are to be flagged, and an output cannot hold NaN.

    Notes
    -----
    A chunk that cannot be read fails in a task before this one, out of reach: the readers of
    ``lensfree_nb.io`` therefore give unknown pixels (NaN) for a TIFF that is cut off or missing.
    Other lazy arrays (a damaged Zarr chunk) raise.
    """
    if on_error == "flag":
        _check_outputs(outputs)
    timed = "time" in frames.dims
    count = frames.sizes["time"] if timed else 1
    worker = _FrameWorker(kernel, tuple(outputs.items()), tuple(grid), on_error)
    parts: list[Arrays] = []
    for index in range(count):
        frame = frames.isel(time=index) if timed else frames
        extra = [a.isel(time=index) if "time" in a.dims else a for a in arguments]
        lazy = frame.chunks is not None or any(a.chunks is not None for a in extra)
        data = [a.data for a in extra]
        if lazy:
            parts.append(_lazily(worker, frame, data, index))
        else:
            parts.append(worker.frame(frame.data, data, index))
    return _assembled(frames, outputs, parts, timed)


@dataclass(frozen=True)
class _FrameWorker:
    kernel: TileKernel
    outputs: tuple[tuple[str, Output], ...]
    grid: tuple[Tile, ...]
    on_error: OnError

    def tile(
        self, image: NDArray[Any], arguments: Sequence[NDArray[Any]], index: int, tile: Tile
    ) -> Arrays:
        """One tile's maps and sums; flagged with NaN where that was asked."""
        try:
            return with_smaller_tiles(
                lambda tile_px: self._in_parts(image, arguments, tile, tile_px), max(tile.size)
            )
        except Exception as error:
            if self.on_error == "raise" or not is_of_the_frame(error):
                raise
            said = str(error) if isinstance(error, LensfreeError) else repr(error)
            warnings.warn(f"frame {index} is flagged: {said}", QualityWarning, stacklevel=2)
            return {name: _flagged(output, tile) for name, output in self.outputs}

    def _in_parts(
        self, image: NDArray[Any], arguments: Sequence[NDArray[Any]], tile: Tile, tile_px: int
    ) -> Arrays:
        parts = tile.split(tile_px)
        found = (
            (part, self._part(image[(..., *part.padded_in(tile))], arguments, part))
            for part in parts
        )
        return next(found)[1] if len(parts) == 1 else self._joined(found, tile)

    def _part(self, image: NDArray[Any], arguments: Sequence[NDArray[Any]], part: Tile) -> Arrays:
        found = self.kernel(image, *arguments, tile=part)
        return {name: np.asarray(found[name], output.dtype) for name, output in self.outputs}

    def frame(self, image: NDArray[Any], arguments: Sequence[NDArray[Any]], index: int) -> Arrays:
        """A whole frame, one tile after the other."""
        height, width = image.shape[-2:]
        found = (
            (tile, self.tile(image[(..., *tile.padded)], arguments, index, tile))
            for tile in self.grid
        )
        return self._joined(found, tile_grid((height, width), None, 0)[0])

    def _joined(self, parts: Iterable[tuple[Tile, Arrays]], whole: Tile) -> Arrays:
        """Maps side by side and sums added up, one part in memory at a time."""
        total: Arrays = {
            name: np.zeros(output.sums, output.dtype)
            if output.sums
            else np.empty(whole.size, output.dtype)
            for name, output in self.outputs
        }
        for part, found in parts:
            for name, output in self.outputs:
                if output.sums:
                    total[name] += found[name]
                else:
                    total[name][part.core_in(whole)] = found[name]
        return total


def _check_outputs(outputs: Mapping[str, Output]) -> None:
    for name, output in outputs.items():
        if np.dtype(output.dtype).kind not in "fc":
            raise ParameterError(
                f"{name} is {output.dtype}, which has no NaN to flag a frame with; make it a float"
            )


def _flagged(output: Output, tile: Tile) -> NDArray[Any]:
    return np.full(output.sums or tile.size, np.nan, output.dtype)


def _lazily(
    worker: _FrameWorker, frame: xr.DataArray, arguments: Sequence[Any], index: int
) -> Arrays:
    import dask.array as da
    from dask import delayed

    image = frame.data if frame.chunks is not None else da.from_array(frame.data, chunks=-1)
    values = [one_block(a) if hasattr(a, "dask") else a for a in arguments]
    whole = all(len(chunks) == 1 for chunks in image.chunks[-2:])
    size = image.shape[-2:]
    if whole:
        found = delayed(worker.frame, pure=True)(one_block(image), values, index)
        return {
            name: _from_delayed(found[name], (output.sums,) if output.sums else size, output)
            for name, output in worker.outputs
        }
    work = delayed(worker.tile, pure=True)
    tiles = [
        work(one_block(image[(..., *tile.padded)]), values, index, tile) for tile in worker.grid
    ]
    result: Arrays = {}
    for name, output in worker.outputs:
        if output.sums:
            added = delayed(_added, pure=True)([found[name] for found in tiles])
            result[name] = _from_delayed(added, (output.sums,), output)
            continue
        rows, columns = grid_chunks(worker.grid)
        blocks = [
            _from_delayed(found[name], shape, output)
            for found, shape in zip(tiles, itertools.product(rows, columns), strict=True)
        ]
        result[name] = da.block(
            [blocks[i : i + len(columns)] for i in range(0, len(blocks), len(columns))]
        )
    return result


def one_block(array: Any) -> Any:
    """A dask array as the one delayed value that it is when it is a single chunk.

    Not ``delayed(array)``, whose last step has a random name (dask 2026.8): the same work must
    have the same name, so that a graph or a cluster that meets it twice does it once.
    """
    return array.rechunk(-1).to_delayed(optimize_graph=False).item()


def _from_delayed(value: Any, shape: Sequence[int], output: Output) -> Any:
    import dask.array as da

    meta = np.empty((0,) * len(shape), output.dtype)
    return da.from_delayed(value, shape=tuple(shape), dtype=output.dtype, meta=meta)


def _added(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    total = np.zeros_like(parts[0])
    for part in parts:
        total += part
    return total


def _assembled(
    frames: xr.DataArray, outputs: Mapping[str, Output], parts: Sequence[Arrays], timed: bool
) -> xr.Dataset:
    variables = {}
    for name, output in outputs.items():
        dims: tuple[str, ...] = (f"{name}_sum",) if output.sums else ("y", "x")
        data: Any = parts[0][name]
        if timed:
            dims = ("time", *dims)
            data = _stacked([part[name] for part in parts])
        variables[name] = xr.DataArray(data, dims=dims, attrs=dict(output.attrs))
    kept = {k: v for k, v in frames.coords.items() if set(v.dims) <= {"time", "y", "x"}}
    return xr.Dataset(variables).assign_coords(kept)


def _stacked(parts: Sequence[Any]) -> Any:
    if hasattr(parts[0], "dask"):
        import dask.array as da

        return da.stack(parts)
    return np.stack(parts)
