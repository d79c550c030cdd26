import resource

import pytest
import torch

from lensfree_nb.run import memory
from lensfree_nb.run.devices import working_on

MEBI = 2**20


def faults():
    """Pages that the system has handed out to this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def pages_of(images, size=64 * MEBI):
    """Pages handed out while so many images come and go."""
    before = faults()
    for _ in range(images):
        torch.ones(size, dtype=torch.uint8)
    return faults() - before


@pytest.fixture
def glibc():
    if memory._glibc() is None:
        pytest.skip("the C library is not glibc")


def test_what_is_freed_within_a_block_serves_the_next_array(glibc):
    one = pages_of(1)
    with working_on("cpu"):
        assert pages_of(20) < 4 * one
    assert pages_of(20) > 10 * one


def test_all_of_it_is_given_back_when_the_last_block_ends(glibc):
    def resident():
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * resource.getpagesize()

    before = resident()
    with working_on("cpu"):
        with working_on("cpu"):
            torch.ones(256 * MEBI, dtype=torch.uint8)
        assert resident() > before + 200 * MEBI
    assert resident() < before + 50 * MEBI


def test_another_library_is_left_alone(monkeypatch):
    memory._glibc.cache_clear()
    monkeypatch.setattr(memory.platform, "libc_ver", lambda: ("musl", ""))
    with memory.kept_memory():
        assert memory._glibc() is None
    memory._glibc.cache_clear()


def test_who_told_the_library_what_to_do_keeps_it(monkeypatch):
    memory._glibc.cache_clear()
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "65536")
    assert memory._glibc() is None
    memory._glibc.cache_clear()
