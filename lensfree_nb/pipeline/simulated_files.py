"""``lensfree simulate``: a simulated time-lapse on disk, as an instrument would leave it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from lensfree_nb.io.export import write_cells, write_dataset, write_tiff
from lensfree_nb.io.instrument_files import frame_names, write_instrument_files
from lensfree_nb.simulate.lapse import timelapse


def write_simulated(
    out: Path, kind: str, *, say: Callable[[str], None] = print, **options: Any
) -> Path:
    """Write the holograms of a simulated time-lapse, and beside them what is true.

    Parameters
    ----------
    out : Path
        Made if it does not exist.
    kind : {"tiff", "zarr"}
        ``tiff``: ``holograms/*.tif``, one a frame and colour, and ``truth/*.ome.tif`` with the
        OPD (nm). ``zarr``: all of it in ``holograms.zarr``. The true cells are the table
        ``truth_cells`` (Parquet and CSV) in either case.
    say : callable
        Where progress is printed, a line a frame.
    **options
        Of :func:`lensfree_nb.simulate.lapse.timelapse`.
    """
    out.mkdir(parents=True, exist_ok=True)
    ds, truth = timelapse(options.pop("shape"), **options)
    frames = ds.sizes["time"]
    if kind == "zarr":
        write_dataset(ds, out / "holograms.zarr")
    else:
        (out / "truth").mkdir(exist_ok=True)
        for number, name in enumerate(frame_names(ds["hologram"])):
            one = ds.isel(time=[number]).compute()
            write_instrument_files(one, out / "holograms")
            write_tiff(one["truth_opd"].isel(time=0), out / "truth" / f"{name}_opd.ome.tif")
            say(f"frame {number + 1} of {frames}")
    tables = [truth.partitions[number].compute() for number in range(frames)]
    write_cells(pd.concat(tables, ignore_index=True), out, "truth_cells")
    return out
