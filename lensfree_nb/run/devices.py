"""Which device a block of work runs on, and with how many threads."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from lensfree_nb.errors import ExecutionError, ParameterError, PerformanceNote

if TYPE_CHECKING:
    import torch

# Full frames are asked for and given back many times an iteration; in pages of 4 kB the system
# would spend as long on that as the transforms take. Torch looks at this when it first allocates.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

_GPU = threading.Lock()
_COUNT = threading.Lock()
_blocks_inside = 0
T = TypeVar("T")


def choose_device(device: str = "auto") -> torch.device:
    """The torch device for ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.

    Called inside the worker that does the work, never while a graph is built, so that no other
    process opens the GPU.

    Raises
    ------
    ParameterError
        If the name is no device.
    ExecutionError
        If CUDA is asked for where there is none.
    """
    import torch

    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device != "cpu" and not device.startswith("cuda"):
        raise ParameterError(f"device is {device!r}; use 'auto', 'cpu', 'cuda' or 'cuda:N'")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ExecutionError("device='cuda' was asked for, but torch sees no CUDA device here")
    return torch.device(device)


@contextmanager
def working_on(device: str = "auto") -> Iterator[torch.device]:
    """A device for the length of a block of work: a GPU has one user at a time."""
    import torch

    chosen = choose_device(device)
    with _GPU if chosen.type == "cuda" else _shared_cores(), torch.inference_mode():
        yield chosen


@contextmanager
def _shared_cores() -> Iterator[None]:
    """Torch threads times dask threads never exceed the cores (or OMP_NUM_THREADS, if fewer).

    A power of two, so that no thread ends within a vector register (see ``optics.fast_shape``)
    and results do not depend on how many there are.
    """
    import torch

    global _blocks_inside
    allowed = min(os.cpu_count() or 1, int(os.environ.get("OMP_NUM_THREADS") or 1024))
    share = max(1, allowed // dask_threads())
    with _COUNT:
        _blocks_inside += 1
        torch.set_num_threads(1 << (share.bit_length() - 1))
    try:
        yield
    finally:
        # MKL counts threads for the whole process, so the last block raises them again: sooner,
        # and those still at work would take every core. Not to what it was: a block may have
        # been entered after another had lowered it.
        with _COUNT:
            _blocks_inside -= 1
            if not _blocks_inside:
                torch.set_num_threads(allowed)


def dask_threads() -> int:
    """How many threads run blocks beside this one: 1 outside of dask.

    >>> dask_threads()
    1
    """
    name = threading.current_thread().name
    if name.startswith("Dask-Default-Threads"):  # a worker of dask.distributed
        from distributed import get_worker

        return int(get_worker().state.nthreads)
    if name.startswith("ThreadPoolExecutor"):  # dask's threaded scheduler
        import dask

        pool = dask.config.get("pool", None)
        workers = dask.config.get("num_workers", None) or getattr(pool, "_max_workers", None)
        return int(workers or os.cpu_count() or 1)
    return 1


def with_smaller_tiles(work: Callable[[int], T], tile_px: int, smallest_px: int = 128) -> T:
    """Call ``work(tile_px)``, halving the tile for as long as the GPU runs out of memory.

    Each call begins with the tile asked for, whatever happened before: results must not depend
    on the order of the work.

    Raises
    ------
    ExecutionError
        If even the smallest tile does not fit.
    """
    while True:
        try:
            return work(tile_px)
        except Exception as error:
            if not out_of_memory(error):
                raise
        # Only here, where the error is gone: its traceback holds all that the work had allocated.
        if tile_px // 2 < smallest_px:
            raise ExecutionError(
                f"not even tiles of {tile_px} px fit into the GPU's memory; free it, or use "
                "device='cpu'"
            )
        warnings.warn(
            f"tiles of {tile_px} px do not fit on the GPU; trying {tile_px // 2} px",
            PerformanceNote,
            stacklevel=2,
        )
        tile_px //= 2
        _free_gpu_memory()


def out_of_memory(error: Exception) -> bool:
    """Whether torch ran out of a GPU's memory (torch is not imported to find out)."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(error, torch.OutOfMemoryError)


def _free_gpu_memory() -> None:
    import torch

    torch.cuda.empty_cache()  # does nothing where CUDA was not used
