import threading
import weakref

import dask
import pytest
import torch
from dask import delayed

from lensfree_nb.errors import ExecutionError, ParameterError, PerformanceNote
from lensfree_nb.run import devices


def test_unknown_and_absent_devices(monkeypatch):
    with pytest.raises(ParameterError, match="'cuda:N'"):
        devices.choose_device("gpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ExecutionError, match="no CUDA device"):
        devices.choose_device("cuda")
    assert devices.choose_device("auto").type == "cpu"


@pytest.mark.parametrize(("cores", "workers", "expected"), [(8, 4, 2), (8, 3, 2), (2, 4, 1)])
def test_torch_threads_times_dask_threads_never_exceed_the_cores(
    monkeypatch, cores, workers, expected
):
    monkeypatch.setattr(devices.os, "cpu_count", lambda: cores)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)

    def threads_inside():
        with devices.working_on("cpu"):
            return torch.get_num_threads()

    before = torch.get_num_threads()
    try:
        with dask.config.set(scheduler="threads", num_workers=workers):
            (inside,) = dask.compute(delayed(threads_inside)())
        assert inside == expected
        assert threads_inside() == cores
    finally:
        torch.set_num_threads(before)
    assert threading.current_thread().name == "MainThread"


def test_smaller_tiles_when_memory_runs_out():
    tried = []

    def work(tile_px):
        tried.append(tile_px)
        if tile_px > 256:
            raise torch.OutOfMemoryError("no")
        return tile_px

    with pytest.warns(PerformanceNote, match="trying"):
        assert devices.with_smaller_tiles(work, 1024) == 256
    assert tried == [1024, 512, 256]
    with pytest.raises(ExecutionError, match="not even"), pytest.warns(PerformanceNote):
        devices.with_smaller_tiles(work, 2048, smallest_px=1024)
    assert devices.with_smaller_tiles(work, 64) == 64


def test_what_the_failed_work_held_is_free_before_the_next_try():
    class Held:
        pass

    held = []

    def work(tile_px):
        assert all(one() is None for one in held)
        local = Held()
        held.append(weakref.ref(local))
        if tile_px > 256:
            raise torch.OutOfMemoryError("no")
        return tile_px

    with pytest.warns(PerformanceNote):
        assert devices.with_smaller_tiles(work, 1024) == 256
    assert len(held) == 3


def test_cores_are_given_back_by_the_last_block_only(monkeypatch):
    monkeypatch.setattr(devices.os, "cpu_count", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    inside: list[int] = []
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(torch, "set_num_threads", lambda n: asked.append((n, len(inside))))
    both, first_is_out = threading.Barrier(2, timeout=20), threading.Event()

    def work(index):
        with devices.working_on("cpu"):
            inside.append(index)
            both.wait()
            if index:
                assert first_is_out.wait(20)
            inside.remove(index)
        first_is_out.set()

    with dask.config.set(scheduler="threads", num_workers=4):
        dask.compute([delayed(work)(i) for i in range(2)])
    assert asked[-1] == (8, 0)
    assert all(n * 4 <= 8 for n, others in asked if others)
