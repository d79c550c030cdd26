"""A microarray of 120 spots, 8 of them defocused; and a mosaic that is restored tile by tile.

The spots are simulated, each a field of one of the 18 conditions of Xue 2021, whose microarray had
as many and took under 30 s. Timed is what follows loading: all sorted, the defocused restored.
`--quick` takes a tenth.
"""

from __future__ import annotations

import time

import numpy as np
import xarray as xr
from _harness import Row, arguments, report, row
from _memory import Watch, resident_gb
from _restorers import likeness
from _seeds import TEST

from lensfree_nb.nets.registry import find_model, load_network
from lensfree_nb.refocus.refocus import refocus
from lensfree_nb.refocus.restore import restore
from lensfree_nb.run.devices import choose_device
from lensfree_nb.simulate.focus_stack import CONDITIONS, focus_stack
from lensfree_nb.simulate.objective import OBJECTIVES

SOURCE = "simulated; python benchmarks/focus_whole.py"
SPOTS, BLURRED, SPOT_PX = 120, 8, 512
MOSAIC_PX, SMALL_MOSAIC_PX, COMPARED_PX = 5000, 1500, 1400
# Depths of field: nobody would call the first blurred, or overlook the second.
IN_FOCUS, OUT_OF_FOCUS = 0.25, (1.5, 4.0)
SORTER, RESTORER = "focus", "restore"


def spots(count: int, blurred: int, device: str) -> tuple[xr.Dataset, np.ndarray, np.ndarray]:
    """Images of spots, which of them are defocused, and all of them in focus."""
    rng = np.random.default_rng(TEST["focus"])
    far = np.zeros(count, bool)
    far[rng.choice(count, blurred, replace=False)] = True
    images, truths = [], []
    for number in range(count):
        condition = CONDITIONS[number % len(CONDITIONS)]
        depth = OBJECTIVES[condition.objective].depth_of_field_um
        away = rng.uniform(*OUT_OF_FOCUS) if far[number] else rng.uniform(0, IN_FOCUS)
        shape = (SPOT_PX, SPOT_PX)
        ds = focus_stack(
            condition.cells(shape, rng=rng), shape, (rng.choice([-1, 1]) * away * depth,), rng=rng,
            objective=condition.objective, surface=condition.substrate, device=device,
        )  # fmt: skip
        images.append(ds["image"].values[0, 0])
        truths.append(ds["truth_image"].values[0])
    held = xr.Dataset({"image": (("position", "y", "x"), np.stack(images))})
    return held, far, np.stack(truths)


def microarray(args) -> list[Row]:
    """All found, none falsely, and how long it takes once all is loaded."""
    count, blurred = (SPOTS // 10, 1) if args.quick else (SPOTS, BLURRED)
    held, far, truths = spots(count, blurred, args.device)
    for name in (SORTER, RESTORER):
        load_network(find_model(name), str(choose_device(args.device)))
    start = time.perf_counter()
    found = refocus(held, device=args.device)
    took = time.perf_counter() - start
    said = found["was_restored"].values
    rows = [
        row("microarray: spots", float(count), "1", None, SOURCE),
        row("microarray: defocused spots missed", float((far & ~said).sum()), "1", "<= 0", SOURCE),
        row("microarray: spots falsely called so", float((said & ~far).sum()), "1", "<= 0", SOURCE),
        row("microarray: sorted and restored", took, "s", "<= 30", SOURCE),
    ]
    for name in ("image", "restored"):
        scores = [likeness(found[name].values[n], truths[n]) for n in np.flatnonzero(far)]
        mean = float(np.mean([score.ssim for score in scores]))
        rows.append(row(f"microarray: defocused spots, {name}, SSIM", mean, "1", None, SOURCE))
    return rows


def mosaic(args) -> list[Row]:
    """Memory beside the image's own, and tiles against the whole."""
    condition, rng = CONDITIONS[0], np.random.default_rng([TEST["focus"], MOSAIC_PX])
    shape = (SPOT_PX, SPOT_PX)
    ds = focus_stack(
        condition.cells(shape, rng=rng), shape, (12.0,), rng=rng, device=args.device,
        objective=condition.objective, surface=condition.substrate,
    )  # fmt: skip
    piece = ds["image"].values[0, 0]
    side = SMALL_MOSAIC_PX if args.quick else MOSAIC_PX
    times = -(-side // SPOT_PX)
    # Every other piece mirrored, so that nothing breaks off where they meet.
    row_of = np.hstack([piece[:, :: 1 - 2 * (n % 2)] for n in range(times)])
    whole = np.vstack([row_of[:: 1 - 2 * (n % 2)] for n in range(times)])[:side, :side].copy()
    image = xr.Dataset({"image": (("y", "x"), whole)})
    told = {"focus": 0.0, "defocus": 2.0}
    chunked = image.chunk(y=1000, x=1000).assign(told)
    small = image.isel(y=slice(COMPARED_PX), x=slice(COMPARED_PX)).assign(told)
    apart = [
        restore(small, tile_px=tile_px, device=args.device)["restored"].values
        for tile_px in (None, 512)
    ]
    held = resident_gb()
    watch = Watch()
    watch.start()
    start = time.perf_counter()
    restored = restore(chunked, device=args.device)["restored"].compute(scheduler="threads")
    took = time.perf_counter() - start
    watch.over.set()
    watch.join()
    span = float(np.ptp(whole))
    return [
        row("mosaic: side", float(side), "px", None, SOURCE),
        row("mosaic: memory at most", watch.highest, "GB", "<= 2", SOURCE),
        row("mosaic: memory before", held, "GB", None, SOURCE),
        row("mosaic: restored", took, "s", None, SOURCE),
        row("mosaic: unknown pixels", float(restored.isnull().sum()), "1", "<= 0", SOURCE),
        row(f"tiles of 512 px against {COMPARED_PX} px whole: largest difference",
            float(np.abs(apart[0] - apart[1]).max()) / span, "of the range", "<= 1e-5", SOURCE),
    ]  # fmt: skip


if __name__ == "__main__":
    arguments_given = arguments(__doc__.splitlines()[0])
    report([*mosaic(arguments_given), *microarray(arguments_given)], arguments_given)
