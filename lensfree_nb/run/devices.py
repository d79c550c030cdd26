"""Which device a block of work runs on, and with how many threads."""

from __future__ import annotations

import multiprocessing
import os
import re
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeVar

from lensfree_nb.errors import ExecutionError, ParameterError, PerformanceNote
from lensfree_nb.run.memory import kept_memory

if TYPE_CHECKING:
    import torch

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

# Full frames are asked for and given back many times an iteration; in pages of 4 kB the system
# would spend as long on that as the transforms take. Torch looks at this when it first allocates.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

_GPU = threading.Lock()
_COUNT = threading.Lock()
_blocks_inside = 0
_until_all_leave = ExitStack()
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

    check_device(device)
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    chosen = torch.device(device)
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise ExecutionError("device='cuda' was asked for, but torch sees no CUDA device here")
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise ExecutionError(
            f"device={device!r} was asked for, but torch sees {torch.cuda.device_count()} here, "
            "counted from 0"
        )
    return chosen


def check_device(device: str) -> None:
    """Refuse what names no device, wherever the work will be done.

    Raises
    ------
    ParameterError
        If the name is no device.
    """
    if not isinstance(device, str) or not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
        raise ParameterError(f"device is {device!r}; use 'auto', 'cpu', 'cuda' or 'cuda:N'")


@contextmanager
def working_on(device: str = "auto") -> Iterator[torch.device]:
    """A device for the length of a block of work: a GPU has one user at a time.

    One among the threads of this process and all processes of this account on this machine.
    """
    import torch

    chosen = choose_device(device)
    alone = one_user(_gpu_name(chosen)) if chosen.type == "cuda" else _shared_cores()
    with alone, torch.inference_mode():
        yield chosen


def _gpu_name(device: torch.device) -> str:
    """A name that is the same in every process, whatever CUDA_VISIBLE_DEVICES says in each."""
    import torch

    properties = torch.cuda.get_device_properties(device)
    return str(getattr(properties, "uuid", None) or f"{properties.name}-{device.index or 0}")


@contextmanager
def one_user(name: str) -> Iterator[None]:
    """Wait for, and hold, what is called `name`: by threads and by processes of this account.

    The lock is on an open file in the temporary folder, so the system gives it back when its
    holder dies. Where there are no such locks (Windows) only threads wait for each other.

    Raises
    ------
    ExecutionError
        If the lock's file cannot be opened.
    """
    if fcntl is None:
        with _GPU:
            yield
        return
    path = _lock_path(name)
    try:
        # Never through a link that someone else has put into a folder open to all.
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ExecutionError(
            f"{path} cannot be opened to lock the GPU ({error}); remove it, or set TMPDIR"
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _lock_path(name: str) -> str:
    account = os.getuid() if hasattr(os, "getuid") else 0
    safe = re.sub(r"[^A-Za-z0-9-]", "_", name)
    return os.path.join(tempfile.gettempdir(), f"lensfree_nb-{account}-{safe}.lock")


@contextmanager
def _shared_cores() -> Iterator[None]:
    """Torch threads times dask threads never exceed the cores (or what torch was told, if fewer).

    A power of two, so that no thread ends within a vector register (see ``optics.fast_shape``)
    and results do not depend on how many there are.
    """
    import torch

    global _blocks_inside
    # A thread of a pool may still have the few threads that its last block left it with.
    by_hand = threading.current_thread() is threading.main_thread()
    told = torch.get_num_threads() if by_hand else _told_threads()
    allowed = min(cores(), _told_threads(), told)
    share = max(1, allowed // dask_threads())
    with _COUNT:
        if not _blocks_inside:
            _until_all_leave.enter_context(kept_memory())
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
                _until_all_leave.close()


def cores() -> int:
    """How many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _told_threads() -> int:
    """What OMP_NUM_THREADS allows; it may be a list, a number for each level of nesting."""
    told = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(told) if told.isdigit() and int(told) else 1024


def dask_threads() -> int:
    """How many threads or processes run blocks beside this one: 1 outside of dask.

    Of a process pool (dask's ``scheduler="processes"``) a child cannot see how many siblings it
    has: as many as there are cores are assumed, so each gets one torch thread. Workers of a
    cluster that are processes of their own are told by dask.distributed's nanny, which
    sets ``OMP_NUM_THREADS``.

    >>> dask_threads()
    1
    """
    name = threading.current_thread().name
    if "Dask-Default-Threads" in name:  # a worker of dask.distributed, its own name before that
        return _cluster_threads()
    if multiprocessing.parent_process() is not None:
        return cores()
    if name.startswith("ThreadPoolExecutor"):  # dask's threaded scheduler
        import dask

        pool = dask.config.get("pool", None)
        workers = dask.config.get("num_workers", None) or getattr(pool, "_max_workers", None)
        return int(workers or cores())
    return 1


def _cluster_threads() -> int:
    """Threads of all the cluster's workers that live in this process (usually one)."""
    from distributed import Worker

    # The list that dask.distributed's own ``get_client`` looks workers up in; there is no other.
    running = (worker for worker in Worker._instances if worker.status.name == "running")
    return max(1, sum(int(worker.state.nthreads) for worker in running))


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
