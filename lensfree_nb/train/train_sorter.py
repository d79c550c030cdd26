"""``lf.train_sorter``: a few images that you tagged, and a sorter of your own."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from lensfree_nb.checks import check_number
from lensfree_nb.errors import DataError, DimensionError
from lensfree_nb.nets.registry import ModelSpec, find_model_for
from lensfree_nb.refocus.images import FRAME_DIMS, image_of
from lensfree_nb.train.going_on import go_on, weights_path
from lensfree_nb.train.loop import Say
from lensfree_nb.train.recipe import Schedule
from lensfree_nb.train.tagged import Tagged

BATCH, VALIDATE_EVERY = 8, 20


def train_sorter(
    ds: xr.Dataset,
    in_focus: Sequence[bool | None] | xr.DataArray,
    path: str | os.PathLike[str],
    *,
    network: str | Path | ModelSpec = "focus",
    minutes: float = 5.0,
    steps: int = 200,
    learning_rate: float = 2e-4,
    seed: int = 0,
    device: str = "auto",
    say: Say = print,
) -> ModelSpec:
    """Go on training a sorter on images that were tagged by eye.

    Parameters
    ----------
    ds : Dataset
        With ``image`` (position or time, [channel,] y, x).
    in_focus : sequence of bool or None
        The tag of each image; None (or NaN) where there is none.
    path : path
        Weights to write (``.safetensors``), with a card beside them; a name for ``refocus``.
    network : str, Path or ModelSpec
        Where to begin.
    minutes : float
        When to stop, finished or not.
    steps, learning_rate : int, float
        How long and how fast it learns (2e-4 as in Xue 2021, §4.4); it stops early where nothing
        is gained on a fifth of the images, which are held back.
    seed : int
        Of what is held back and shown when.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    say : callable
        Takes a line at every validation.

    Returns
    -------
    ModelSpec
        The sorter that did best, for ``refocus(sorter=...)``.

    Raises
    ------
    DimensionError, DataError
        If there are no images, not as many tags as images, fewer than two tagged of either kind,
        or unknown pixels in one that is tagged.
    ParameterError
        If the network does not sort, or a number is impossible.
    """
    spec = find_model_for(network, ["sort"])
    check_number("minutes", minutes, open_low=True)
    weights = weights_path(path)
    image = image_of(ds)
    if not set(FRAME_DIMS) & set(image.dims):
        raise DimensionError("there is one image; give several, along position or time")
    tags = _tags(in_focus, image.shape[0])
    chosen = np.flatnonzero(np.isfinite(tags))
    images = [np.asarray(image[int(number)].values) for number in chosen]
    for number, each in zip(chosen, images, strict=True):
        if not np.isfinite(each).all():
            raise DataError(f"image {number} has unknown pixels; leave it untagged")
    task = Tagged(images, (tags[chosen] > 0).tolist(), spec.options, seed)
    digest = hashlib.sha256(b"".join(each.tobytes() for each in images)).hexdigest()
    return go_on(
        spec, weights, task, name="tagged", whose="tagged images",
        data={
            "seed": seed, "images": len(images), "in_focus": int((tags[chosen] > 0).sum()),
            "sha256": digest,
        },
        schedule=Schedule(
            steps=steps, batch=BATCH, learning_rate=learning_rate, warmup=min(10, steps),
            # Not before all were seen once: of many images, validation would take most of the time.
            validate_every=min(steps, max(VALIDATE_EVERY, len(images) // BATCH)), patience=6,
            average=0.98,
        ),
        minutes=minutes, device=device, say=say,
    )  # fmt: skip


def _tags(in_focus: Any, count: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """1 in focus, 0 out of it, NaN untagged."""
    given = np.asarray(in_focus, object).ravel()
    try:
        tags = np.array([np.nan if tag is None else float(tag) for tag in given])
    except (TypeError, ValueError) as error:
        raise DataError(f"in_focus holds what is no tag ({error}); use True, False, None") from None
    if len(tags) != count:
        raise DimensionError(f"there are {count} images and {len(tags)} tags; give one each")
    if not np.isin(tags[np.isfinite(tags)], (0, 1)).all():
        raise DataError("in_focus holds what is no tag; use True, False, None")
    return tags
