"""``ds.lf.refocus()``: of holograms to any plane, of images those that are out of focus."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import xarray as xr

from lensfree_nb.errors import DimensionError, ParameterError
from lensfree_nb.nets.registry import ModelSpec
from lensfree_nb.refocus.holograms import WINDOW_UM, refocus_holograms
from lensfree_nb.refocus.planes import Objects
from lensfree_nb.refocus.restore import restore
from lensfree_nb.refocus.sort import sort


def refocus(
    ds: xr.Dataset,
    distance_um: float | Sequence[float] | None = None,
    *,
    extended: bool = False,
    window_um: float = WINDOW_UM,
    objects: Objects = "absorbing",
    sorter: str | Path | ModelSpec = "focus",
    restorer: str | Path | ModelSpec = "restore",
    everything: bool = False,
    device: str = "auto",
) -> xr.Dataset:
    """Holograms in any plane; images sorted by focus, and the defocused ones restored.

    Parameters
    ----------
    ds : Dataset
        With ``hologram``, or with ``image`` through an objective.
    distance_um, extended, window_um, objects
        For holograms, as of :func:`~lensfree_nb.refocus.holograms.refocus_holograms`.
    sorter, restorer, everything
        For images: networks as of :func:`~lensfree_nb.refocus.sort.sort` and
        :func:`~lensfree_nb.refocus.restore.restore`, and whether images in focus are drawn, too.
        What was sorted before (``focus`` is there) is not sorted again.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.

    Returns
    -------
    Dataset
        Of holograms ``amplitude`` and ``phase``; of images ``focus``, ``restored`` and what else
        these verbs say.

    Raises
    ------
    DimensionError
        If there are neither holograms nor images, or both.
    ParameterError
        If a distance, or an extended depth of field, is asked for of images.
    LensfreeError
        As of the verbs above.
    """
    held = [name for name in ("hologram", "image") if name in ds]
    if len(held) != 1:
        raise DimensionError(
            f"the dataset has {' and '.join(held) or 'neither hologram nor image'}; give one of "
            "them: hologram, or image"
        )
    if held == ["hologram"]:
        return refocus_holograms(
            ds, distance_um, extended=extended, window_um=window_um, objects=objects, device=device
        )
    if distance_um is not None or extended:
        raise ParameterError(
            "distance_um and extended are for holograms: an image without phase cannot be "
            "refocused to a distance"
        )
    sorted_images = ds if "focus" in ds else sort(ds, sorter, device=device)
    return restore(sorted_images, restorer, everything=everything, device=device)
