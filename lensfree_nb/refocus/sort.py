"""Which images are in focus, how surely, and how far the others are from it."""

from __future__ import annotations

import dataclasses
import math
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from lensfree_nb.nets.registry import ModelSpec, find_model_for, load_network
from lensfree_nb.provenance import provenance
from lensfree_nb.refocus.images import FRAME, image_of
from lensfree_nb.refocus.verdict import judged, shown, verdict
from lensfree_nb.run.devices import check_device, working_on

TASK: Final = "sort"
# Less of an image known, less contrast, or fewer pixels, and nobody could tell.
LEAST_KNOWN, LEAST_CONTRAST, LEAST_PX = 0.5, 1e-3, 48
MADE: Final = {
    "focus": ("1", "probability that the image is in focus"),
    "focus_certainty": ("1", "1 less the entropy of the focus probability, in bits"),
    "defocus": ("1", "distance from the focus, in depths of field"),
    "defocus_se": ("1", "standard error of the defocus, in depths of field"),
    "trusted": ("", "whether the result may be believed"),
}


def sort(
    ds: xr.Dataset, network: str | Path | ModelSpec = "focus", *, device: str = "auto"
) -> xr.Dataset:
    """How probably each image is in focus: within half a depth of field of the sharpest plane.

    Parameters
    ----------
    ds : Dataset
        With ``image`` ([position or time,] [channel,] y, x) on any scale; NaN marks what is
        unknown. A depth of field is ``n lambda / NA**2``.
    network : str, Path or ModelSpec
        One that was trained to sort: its name, or a file of weights.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.

    Returns
    -------
    Dataset
        `ds` with, for each image, ``focus`` (probability), ``focus_certainty`` (0 to 1),
        ``defocus`` and ``defocus_se`` (depths of field; NaN of networks that know only in and
        out), and ``trusted``: False, and all else NaN, of an image that is flat, hardly known or
        too small. Lazy where the images are.

    Raises
    ------
    DimensionError, DataError
        If there are no images.
    ModelError, ParameterError
        If there is no such network, or it is for something else.
    """
    image = image_of(ds)
    check_device(device)
    spec = find_model_for(network, [TASK])
    found = xr.apply_ufunc(
        partial(_sorted, spec=spec, device=device), image, input_core_dims=[FRAME],
        output_core_dims=[["said"]], vectorize=True, dask="parallelized",
        output_dtypes=[np.float32],
        dask_gufunc_kwargs={"allow_rechunk": True, "output_sizes": {"said": len(MADE) - 1}},
    )  # fmt: skip
    made = {name: found.isel(said=n) for n, name in enumerate(MADE) if name != "trusted"}
    made["trusted"] = made["focus"].notnull()
    said = {
        name: part.reset_coords(drop=True).assign_attrs(
            {"long_name": MADE[name][1]} | ({"units": MADE[name][0]} if MADE[name][0] else {})
        )
        for name, part in made.items()
    }
    return ds.drop_vars(MADE, errors="ignore").assign(said).assign_attrs(
        provenance(ds, "sort", network=dataclasses.asdict(spec))
    )  # fmt: skip


def _sorted(image: NDArray[Any], spec: ModelSpec, device: str) -> NDArray[np.float32]:
    """Of one image (channel, y, x): all of :data:`MADE` but the last."""
    known = np.isfinite(image)
    nothing = np.full(len(MADE) - 1, np.nan, np.float32)
    if known.mean() < LEAST_KNOWN or min(image.shape[-2:]) < LEAST_PX:
        return nothing
    level = float(np.mean(image, where=known, dtype=np.float64))
    spread = float(np.std(image, where=known, dtype=np.float64))
    if not spread > LEAST_CONTRAST * abs(level) or not math.isfinite(spread):
        return nothing
    with working_on(device) as chosen:
        # Float64 until it is standardised: of 16 bit counts float32 keeps enough only after that.
        whole = torch.from_numpy(np.where(known, image, level).astype(np.float64))
        options = spec.options
        given = shown(whole[None], options)[0].float().to(chosen)
        network = load_network(spec, str(chosen))
        logits = judged(network, given).float().cpu()
    told = verdict(logits, options)
    return np.array([told.focus, told.certainty, told.defocus, told.spread], np.float32)
