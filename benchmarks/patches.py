"""How many training patches a machine makes a second. Needs nothing that a GPU machine lacks."""

from __future__ import annotations

import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import torch
from _harness import Row, arguments, report, row
from _seeds import TEST

from lensfree_nb.run.devices import choose_device
from lensfree_nb.train.patches import FIELDS_A_BANK, PatchSource

SOURCE = "simulated; python benchmarks/patches.py"


def patches(device: str, quick: bool) -> list[Row]:
    """Patches of 128² with their 10-iteration inversion, from nothing: banks are in the time."""
    fields = 8 if quick else 64
    if choose_device(device).type == "cuda":
        rate = _rate(0, fields, 1024, "cuda")
        memory = torch.cuda.max_memory_allocated() / 1e9
        return [
            row("patches a second, on a GPU", rate, "1/s", ">= 1000", SOURCE),
            row("patches: memory on the GPU", memory, "GB", None, SOURCE),
        ]
    together = _rate(0, fields, 512, "cpu")
    cores = os.cpu_count() or 1
    os.environ["OMP_NUM_THREADS"] = "1"  # what the processes started below go by
    with ProcessPoolExecutor(cores, get_context("spawn")) as pool:
        list(pool.map(abs, range(2 * cores)))  # all have started
        runs = [pool.submit(_rate, n * FIELDS_A_BANK, fields, 512, "cpu") for n in range(cores)]
        apart = sum(run.result() for run in runs)
    del os.environ["OMP_NUM_THREADS"]
    return [
        row(f"patches a second, one process of {cores} threads", together, "1/s", None, SOURCE),
        row(f"patches a second, {cores} processes of one thread", apart, "1/s", ">= 30", SOURCE),
    ]


def _rate(first: int, fields: int, field_px: int, device: str) -> float:
    source = PatchSource(TEST["simulator"], field_px=field_px, device=device)
    start = time.perf_counter()
    for number in range(first, first + fields):
        found = source.field(number)
    float(found.opd_nm.sum())  # a GPU has done its work only now
    return fields * source.patches_a_field / (time.perf_counter() - start)


if __name__ == "__main__":
    args = arguments(__doc__)
    report(patches(args.device, args.quick), args)
