import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path
from types import SimpleNamespace

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


def test_a_device_that_is_none_is_a_wrong_call_where_there_is_a_gpu_too(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert devices.choose_device("cuda:0").index == 0
    for name in ("cudax", "cuda:", "cuda:-1", "cpu:0", None, torch.device("cpu")):
        with pytest.raises(ParameterError, match="'cuda:N'"):
            devices.choose_device(name)
    with pytest.raises(ExecutionError, match="torch sees 1 here"):
        devices.choose_device("cuda:7")


@pytest.mark.parametrize(("cores", "workers", "expected"), [(8, 4, 2), (8, 3, 2), (2, 4, 1)])
def test_torch_threads_times_dask_threads_never_exceed_the_cores(
    monkeypatch, cores, workers, expected
):
    monkeypatch.setattr(devices, "cores", lambda: cores)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)

    def threads_inside():
        with devices.working_on("cpu"):
            return torch.get_num_threads()

    before = torch.get_num_threads()
    try:
        with dask.config.set(scheduler="threads", num_workers=workers):
            (inside,) = dask.compute(delayed(threads_inside)())
        assert inside == expected
        torch.set_num_threads(cores)
        assert threads_inside() == cores
    finally:
        torch.set_num_threads(before)
    assert threading.current_thread().name == "MainThread"


def torch_threads():
    with devices.working_on("cpu"):
        return torch.get_num_threads()


def test_what_torch_was_told_stays(monkeypatch):
    monkeypatch.setattr(devices, "cores", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = torch.get_num_threads()
    try:
        for told, inside in ((1, 1), (3, 2), (8, 8)):
            torch.set_num_threads(told)
            with devices.working_on("cpu"), devices.working_on("cpu"):
                assert torch.get_num_threads() == inside
            assert torch.get_num_threads() == told
    finally:
        torch.set_num_threads(before)


def test_workers_that_share_a_process_share_its_cores(monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(devices, "cores", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = torch.get_num_threads()
    try:
        with (
            distributed.LocalCluster(
                n_workers=4, threads_per_worker=1, processes=False, dashboard_address=None
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            inside = client.gather([client.submit(torch_threads, pure=False) for _ in range(8)])
        assert set(inside) == {2}
    finally:
        torch.set_num_threads(before)


def test_a_process_of_a_pool_takes_one_core(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    program = (
        "import dask; from dask import delayed; from lensfree_nb.run import devices\n"
        "def threads():\n"
        "    import torch; devices.cores = lambda: 4\n"
        "    with devices.working_on('cpu'): return torch.get_num_threads()\n"
        "if __name__ == '__main__':\n"
        "    print(dask.compute(delayed(threads)(), scheduler='processes', num_workers=2)[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "1"


def test_a_gpu_has_one_user_among_processes_even_if_one_crashes(monkeypatch, tmp_path):
    monkeypatch.setattr(devices.tempfile, "tempdir", str(tmp_path))
    program = (
        "import sys, tempfile, time; tempfile.tempdir = sys.argv[1]\n"
        "from lensfree_nb.run.devices import one_user\n"
        "with one_user('GPU-0/../x'): print('held', flush=True); time.sleep(60)\n"
    )
    entered = threading.Event()

    def wait():
        with devices.one_user("GPU-0/../x"):
            entered.set()

    other = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with other:
        assert other.stdout.readline() == "held\n"
        with devices.one_user("another GPU"):
            pass
        thread = threading.Thread(target=wait)
        thread.start()
        assert not entered.wait(0.3)
        other.kill()
    assert entered.wait(20)
    thread.join()
    assert all(path.suffix == ".lock" for path in tmp_path.iterdir())
    assert len(list(tmp_path.iterdir())) == 2


def test_threads_wait_for_each_other_with_and_without_file_locks(monkeypatch, tmp_path):
    monkeypatch.setattr(devices.tempfile, "tempdir", str(tmp_path))
    for locks in (devices.fcntl, None):
        monkeypatch.setattr(devices, "fcntl", locks)
        users, most = [], []

        def use(users=users, most=most):
            with devices.one_user("GPU"):
                users.append(1)
                most.append(len(users))
                time.sleep(0.01)
                users.pop()

        threads = [threading.Thread(target=use) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert most == [1, 1, 1, 1]


def test_a_lock_is_never_taken_through_a_link(monkeypatch, tmp_path):
    monkeypatch.setattr(devices.tempfile, "tempdir", str(tmp_path))
    Path(devices._lock_path("GPU")).symlink_to(tmp_path / "victim")
    with pytest.raises(ExecutionError, match="set TMPDIR"), devices.one_user("GPU"):
        pass
    assert not (tmp_path / "victim").exists()


def test_a_gpu_is_locked_by_what_it_is(monkeypatch, tmp_path):
    monkeypatch.setattr(devices.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    card = SimpleNamespace(uuid="1234-ab", name="card")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: card)
    with devices.working_on("cuda:1") as device:
        assert device == torch.device("cuda", 1)
        assert [path.name.split("-", 2)[2] for path in tmp_path.iterdir()] == ["1234-ab.lock"]


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
    monkeypatch.setattr(devices, "cores", lambda: 8)
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


@pytest.mark.parametrize(
    ("told", "expected"), [("2,1", 2), ("", 1024), ("many", 1024), ("0", 1024)]
)
def test_threads_are_told_as_openmp_reads_them(monkeypatch, told, expected):
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    assert devices._told_threads() == expected
