"""``lensfree simulate``: a simulated time-lapse on disk, as an instrument would leave it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from lensfree_nb.errors import ParameterError
from lensfree_nb.io.export import write_cells, write_dataset, write_tiff
from lensfree_nb.io.instrument_files import frame_names, write_instrument_files
from lensfree_nb.run.folders import made_folder
from lensfree_nb.simulate.instrument import Instrument, instrument_of
from lensfree_nb.simulate.lapse import timelapse
from lensfree_nb.simulate.outlines import outlines


def write_simulated(
    out: Path, kind: str, *, say: Callable[[str], None] = print, **options: Any
) -> Path:
    """Write the holograms of a simulated time-lapse, and beside them what is true.

    Parameters
    ----------
    out : Path
        Made if it does not exist.
    kind : {"tiff", "zarr"}
        ``tiff``: ``holograms/*.tif``, one a frame and colour; ``instrument.json`` with what
        ``open_acquisition`` must be told of the instrument; and ``truth/*.ome.tif`` with OPD (nm),
        absorption and outlines (numbers of rows in the table, from 1). ``zarr``: all of it but
        the outlines in ``holograms.zarr``. The true cells are the table ``truth_cells`` (Parquet
        and CSV) in either case, those of a frame in the order of its outlines.
    say : callable
        Where progress is printed, a line a frame.
    **options
        Of :func:`lensfree_nb.simulate.lapse.timelapse`.

    Raises
    ------
    ParameterError
        If `out` holds files already: two runs in one folder would look like one.
    """
    if out.is_dir() and any(out.iterdir()):
        raise ParameterError(f"{out} is not empty; give a new folder")
    ds, truth = timelapse(options.pop("shape"), **options)
    made_folder(out)
    frames = ds.sizes["time"]
    tables = [truth.partitions[number].compute() for number in range(frames)]
    if kind == "zarr":
        write_dataset(ds, out / "holograms.zarr")
    else:
        (out / "truth").mkdir(exist_ok=True)
        for number, name in enumerate(frame_names(ds["hologram"])):
            one = ds.isel(time=[number]).compute()
            write_instrument_files(one, out / "holograms")
            for kind_of_truth, image in _maps(one, tables[number]).items():
                write_tiff(image, out / "truth" / f"{name}_{kind_of_truth}.ome.tif")
            say(f"frame {number + 1} of {frames}")
        told = _opening(instrument_of(options.get("instrument", "paper")))
        (out / "instrument.json").write_text(json.dumps(told, indent=1) + "\n")
        say(
            "open with: lensfree_nb.open_acquisition(folder / 'holograms', "
            "**json.load(open(folder / 'instrument.json')))"
        )
    write_cells(pd.concat(tables, ignore_index=True), out, "truth_cells")
    return out


def _maps(frame: xr.Dataset, table: pd.DataFrame) -> dict[str, xr.DataArray]:
    opd = frame["truth_opd"].isel(time=0)
    pitch = float(frame.attrs["pixel_size_um"])
    return {
        "opd": opd,
        "absorption": frame["truth_absorption"].isel(time=0),
        "labels": outlines(table, (opd.sizes["y"], opd.sizes["x"]), pixel_size_um=pitch),
    }


def _opening(instrument: Instrument) -> dict[str, Any]:
    """What ``open_acquisition`` must be told of an instrument, as it takes it."""
    setup, camera = instrument.setup, instrument.camera
    told: dict[str, Any] = {
        "pixel_size_um": setup.pixel_size_um,
        "medium_index": setup.medium_index,
        "bandwidth_nm": setup.bandwidth_nm,
        "distance_um": list(setup.known_distance()),
    }
    if math.isfinite(setup.source_distance_mm):
        told["source_diameter_um"] = setup.source_diameter_um
        told["source_distance_mm"] = setup.source_distance_mm
    if camera.bits:
        told |= {"dark": camera.offset, "saturation": camera.full_scale}
    return told
