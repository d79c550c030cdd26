"""Freed memory kept for the next array, for as long as a block of work lasts.

An inversion asks for fields of 100 MB and gives them back dozens of times an iteration. The C
library returns each to the system, which hands out the next one page by page; where the system is
itself a guest that is the dearer (``benchmarks/fast_path.py``).
"""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

# Parameters of glibc's mallopt(3), what they are while work is done, and what they are after it:
# what glibc itself settles at once large arrays have come and gone.
WHILE: Final = {"M_MMAP_MAX": 0, "M_TRIM_THRESHOLD": 2**31 - 1}
AFTER: Final = {"M_MMAP_MAX": 65536, "M_MMAP_THRESHOLD": 2**25, "M_TRIM_THRESHOLD": 2**26}
NUMBERS: Final = {"M_TRIM_THRESHOLD": -1, "M_MMAP_THRESHOLD": -3, "M_MMAP_MAX": -4}


@contextmanager
def kept_memory() -> Iterator[None]:
    """Keep what is freed within, and give all of it back at the end.

    For the whole process: the caller sees to it that blocks do not overlap. It does nothing where
    the C library is not glibc, or was told by the environment how to go about it, and little for
    large arrays of threads beside the main one, to which glibc gives no more than 64 MB each.
    """
    library = _glibc()
    if library is None:
        yield
        return
    _set(library, WHILE)
    try:
        yield
    finally:
        _set(library, AFTER)
        library.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    told = any(name.startswith("MALLOC_") for name in os.environ)
    if told or platform.system() != "Linux" or platform.libc_ver()[0] != "glibc":
        return None
    return ctypes.CDLL(None)


def _set(library: ctypes.CDLL, values: dict[str, int]) -> None:
    for name, value in values.items():
        library.mallopt(NUMBERS[name], value)
