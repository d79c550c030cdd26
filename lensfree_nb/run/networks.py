"""A network carried over an image, tile by tile: memory bounded, the answer that of the whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal, get_args

import torch
from torch import Tensor

from lensfree_nb.errors import ParameterError
from lensfree_nb.nets.bands import within
from lensfree_nb.nets.registry import ModelSpec, load_network
from lensfree_nb.run.tiles import ALIGNMENT, Tile, tile_grid

Precision = Literal["auto", "float32", "bfloat16"]
PRECISIONS: Final = get_args(Precision)
TILE_PX: Final = 512
CPUINFO: Final = Path("/proc/cpuinfo")


def apply_network(
    spec: ModelSpec, images: Tensor, *, precision: Precision = "auto", tile_px: int | None = None
) -> Tensor:
    """Images of one field through a network.

    Parameters
    ----------
    spec : ModelSpec
        The network; loaded once a process and device.
    images : Tensor, shape (channel, y, x), float32
        Any size.
    precision : {"auto", "float32", "bfloat16"}
        Of the layers. ``"auto"`` is bfloat16 on GPUs that have it, and float32 on processors, also
        where they would be quicker in it: what its eight bits round away differs between tiles and
        the whole, and now and then moves a watershed. Sums and outputs are float32 in any case.
        ``"float32"`` on a GPU is float32, not TF32.
    tile_px : int, optional
        Side of a tile (px), which bounds memory; what suits the network where none is given.

    Returns
    -------
    Tensor, shape (output, y, x), float32
    """
    device = images.device
    network = load_network(spec, str(device))
    reach, stride = int(network.halo_px), int(network.stride_px)  # type: ignore[arg-type]
    whole = not getattr(network, "tiled", True)
    if ALIGNMENT % stride:
        raise ParameterError(f"a network with a stride of {stride} px has no tiles")
    exact = precision == "float32" or (precision == "auto" and device.type == "cpu")
    half = not exact and (precision == "bfloat16" or has_bfloat16(device))
    # Some rows at a time, if it can.
    drawn = getattr(network, "drawn", lambda part: [network(part)])
    side = getattr(network, "tile_px", TILE_PX) if tile_px is None else tile_px
    height, width = images.shape[-2:]
    if whole:
        # Statistics of the whole image go into every layer: a tile would be drawn otherwise.
        side, reach = max(height, width), 0
    found = torch.empty((int(spec.options["outputs"]), height, width), device=device)

    def work(tile: Tile) -> None:
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=half):
            part = images[(..., *tile.padded)][None].contiguous(memory_format=torch.channels_last)
            core, (inside, across) = found[(..., *tile.core)], tile.inner
            for rows, band in within(drawn(part), inside.stop):
                skipped = max(inside.start - rows.start, 0)
                wanted = band[0, :, skipped:, across].float()
                start = rows.start + skipped - inside.start
                core[:, start : start + wanted.shape[1]] = wanted

    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        _each(work, tile_grid((height, width), side, reach), device)
    return found


def _each(work: Callable[[Tile], None], tiles: Sequence[Tile], device: torch.device) -> None:
    """Do all tiles; on a processor, one thread a tile.

    Threads that share a convolution sum in another order, and results must not hang on how many
    there are.
    """
    threads = torch.get_num_threads()
    if device.type != "cpu" or threads == 1:
        for tile in tiles:
            work(tile)
        return
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            for _ in pool.map(work, tiles):
                pass
    finally:
        # MKL counts threads for the whole process.
        torch.set_num_threads(threads)


def check_precision(precision: str) -> None:
    """Refuse what is no precision.

    Raises
    ------
    ParameterError
        If it is none.
    """
    if precision not in PRECISIONS:
        raise ParameterError(f"precision is {precision!r}; use {', '.join(PRECISIONS)}")


def has_bfloat16(device: torch.device) -> bool:
    """Whether a device is quicker in bfloat16 than in float32 (``benchmarks/fast_path.py``).

    Of processors, those that multiply matrices in tiles (AMX), and AMD's that have vectors of it
    (AVX512-BF16); Intel's that have these alone lose more by converting than they gain.

    >>> isinstance(has_bfloat16(torch.device("cpu")), bool)
    True
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # Torch has no public name for this question yet; where it is not answered it is float32.
    has_tiles, has_vectors = (
        getattr(torch.cpu, f"_is_{name}_supported", lambda: False)()
        for name in ("amx_tile", "avx512_bf16")
    )
    return bool(has_tiles) or (bool(has_vectors) and _is_of_amd())


@lru_cache(maxsize=1)
def _is_of_amd() -> bool:
    """Whether the processor says so; only Linux lets one read it."""
    try:
        return "AuthenticAMD" in CPUINFO.read_text(encoding="utf-8")
    except OSError:
        return False
