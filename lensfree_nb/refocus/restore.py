"""Images out of focus drawn as they would be in it; those in focus are left as they are."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lensfree_nb.checks import check_flag, check_number
from lensfree_nb.errors import DataError, ExecutionError
from lensfree_nb.nets.registry import ModelSpec, find_model_for
from lensfree_nb.provenance import provenance
from lensfree_nb.refocus.images import image_of
from lensfree_nb.run.devices import check_device
from lensfree_nb.run.frames import Arrays, Output, map_tiles
from lensfree_nb.run.tiles import Tile, tile_grid

TASK: Final = "restore"
# Two at a time, one a core, leave a mosaic below 2 GB.
TILE_PX: Final = 768
GOOD_FOR: Final = (
    "Restored images serve coverage, area and shape of cells, not texture at the level of pixels "
    "(Xue 2021): what a network draws there is likely, not measured."
)
# Networks are told how far an image is from the focus in this many depths of field.
TOLD_IN: Final = 4.0
# And in place of it where a sorter knows only in and out.
TYPICAL: Final = 2.0
# What a focus probability is called defocused below.
LEAST_FOCUS: Final = 0.5


@dataclass(frozen=True, slots=True)
class RestoreTile:
    """The kernel of one tile: numpy in, numpy out; torch is met only inside.

    Parameters
    ----------
    network : ModelSpec
        Which draws: of each channel by itself, or of all at once.
    device, precision : str
        Where and how.
    channels : int
        Of an image.
    whole : bool
        Whether it must be shown whole images.
    """

    network: ModelSpec
    device: str
    precision: str
    channels: int
    whole: bool

    def __call__(self, image: NDArray[Any], *arguments: NDArray[Any], tile: Tile) -> Arrays:
        """Draw the padded tile, and keep its core.

        Parameters
        ----------
        image : ndarray, shape (channel, y, x)
            NaN where unknown, and there it stays.
        *arguments : ndarray
            Mean and standard deviation of each channel of the whole image, how far it is from the
            focus (depths of field), and whether it is to be restored at all.
        tile : Tile
            Where it lies in the image.
        """
        import torch

        from lensfree_nb.run.devices import working_on
        from lensfree_nb.run.networks import apply_network

        if self.whole and tile.size != tile.frame:
            raise ExecutionError(
                f"a whole image does not fit into the memory of the device, and "
                f"{self.network.name} knows no tiles; use device='cpu', or a network that does"
            )
        mean, spread, defocus, blurred = arguments
        core = (..., *tile.inner)
        if not bool(blurred):
            return self._named(np.asarray(image[core], np.float32))
        level, scale = (np.asarray(part, float)[:, None, None] for part in (mean, spread))
        known = np.isfinite(image)
        shown = np.where(known, (image - level) / scale, 0.0).astype(np.float32)
        inputs, outputs = (int(self.network.options[name]) for name in ("inputs", "outputs"))
        with working_on(self.device) as device:
            drawn = []
            for part in torch.split(torch.from_numpy(shown).to(device), outputs):
                told = torch.full_like(part[:1], float(defocus) / TOLD_IN)
                told = told.expand(inputs - outputs, -1, -1)
                drawn.append(
                    apply_network(
                        self.network, torch.cat([part, told]),
                        precision=self.precision,  # type: ignore[arg-type]
                    )[core]
                )  # fmt: skip
            found = torch.cat(drawn).cpu().numpy()
        return self._named(np.where(known[core], found * scale + level, np.nan))

    def _named(self, images: NDArray[Any]) -> Arrays:
        return dict(zip(_names(self.channels), images, strict=True))


def restore(
    ds: xr.Dataset,
    network: str | Path | ModelSpec = "restore",
    *,
    everything: bool = False,
    least_focus: float = LEAST_FOCUS,
    tile_px: int | None = TILE_PX,
    precision: str = "auto",
    device: str = "auto",
) -> xr.Dataset:
    """Draw those images as in focus that are probably out of it.

    Parameters
    ----------
    ds : Dataset
        With ``image`` ([position or time,] [channel,] y, x), and ``focus`` and ``defocus`` of each,
        as :func:`~lensfree_nb.refocus.sort.sort` gives them.
    network : str, Path or ModelSpec
        One that was trained to restore: its name, or a file of weights.
    everything : bool
        Whether to draw images in focus as well.
    least_focus : float
        Focus probability below which an image is restored.
    tile_px : int or None
        Side of the tiles that large images are drawn in; None is whole images. Networks that know
        no tiles are shown whole images in any case.
    precision : {"auto", "float32", "bfloat16"}
        As of :func:`lensfree_nb.run.networks.apply_network`.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.

    Returns
    -------
    Dataset
        `ds` with ``restored``, on the scale and with the dims of ``image`` (float32; unknown where
        that is), and ``was_restored`` of each image: where it is False, it is the image itself.
        Images that could not be sorted are left as they are. A network that must be told how far
        an image is from the focus is told two depths of field where the sorter does not say. Lazy
        where the images are.

    Raises
    ------
    DimensionError, DataError
        If there are no images, they were not sorted, or a network that must be told how far an
        image is from the focus is not.
    ModelError, ParameterError
        If there is no such network, it is for something else, or for other channels.
    """
    from lensfree_nb.run.networks import check_precision

    image = image_of(ds)
    check_device(device)
    check_precision(precision)
    check_flag("everything", everything)
    check_number("least_focus", least_focus, high=1.0)
    spec = find_model_for(network, [TASK])
    channels = _checked_channels(spec, image.sizes["channel"])
    blurred, away = _verdicts(ds, spec, everything, least_focus)
    frame_dims = [dim for dim in ("position", "time") if dim in image.dims]
    # Frames are carried along time, whatever they are called.
    as_time = dict.fromkeys(frame_dims, "time")
    known = image.where(np.isfinite(image)) if image.dtype.kind == "f" else image
    over = ("y", "x") if channels == 1 else ("channel", "y", "x")
    mean, spread = (
        statistic(over, dtype=np.float64).broadcast_like(image.isel(y=0, x=0, drop=True))
        for statistic in (known.mean, known.std)
    )
    blurred = blurred & (spread > 0).all("channel")
    arguments = [
        part.reset_coords(drop=True).rename({d: n for d, n in as_time.items() if d in part.dims})
        for part in (mean, spread, away, blurred)
    ]
    whole, halo = _reach(spec)
    found = map_tiles(
        RestoreTile(spec, device, precision, image.sizes["channel"], whole),
        image.reset_coords(drop=True).drop_vars(frame_dims, errors="ignore").rename(as_time),
        arguments,
        outputs={name: Output() for name in _names(image.sizes["channel"])},
        grid=tile_grid(
            (image.sizes["y"], image.sizes["x"]), None if whole else tile_px, halo
        ),
        on_error="flag" if frame_dims and image.sizes[frame_dims[0]] > 1 else "raise",
    )  # fmt: skip
    drawn = xr.concat([found[name] for name in found.data_vars], dim="channel")
    drawn = drawn.rename({new: old for old, new in as_time.items()})
    dims = ds["image"].dims
    restored = drawn.isel(channel=0) if "channel" not in dims else drawn
    said = {**ds["image"].attrs, "long_name": "image, restored where it was defocused"}
    made = {
        "restored": restored.transpose(*dims).reset_coords(drop=True)
        .assign_attrs(said | {"comment": GOOD_FOR}),
        "was_restored": blurred.reset_coords(drop=True)
        .assign_attrs(long_name="whether the image was drawn by a network"),
    }  # fmt: skip
    return ds.drop_vars(made, errors="ignore").assign(made).assign_attrs(
        provenance(
            ds, "restore", network=dataclasses.asdict(spec), everything=everything,
            least_focus=least_focus, tile_px=tile_px, precision=precision,
        )
    )  # fmt: skip


def _names(channels: int) -> list[str]:
    return [f"restored_{number}" for number in range(channels)]


def _reach(spec: ModelSpec) -> tuple[bool, int]:
    """Whether a network must be shown whole images, and else how far it sees (px)."""
    from lensfree_nb.nets.registry import build_network

    whole = not getattr(build_network(spec.options, "meta"), "tiled", True)
    return whole, 0 if whole else int(spec.options["halo_px"])


def _checked_channels(spec: ModelSpec, channels: int) -> int:
    """How many channels the network draws at once."""
    drawn = int(spec.options["outputs"])
    if int(spec.options["inputs"]) - drawn not in (0, 1) or drawn not in (1, channels):
        raise DataError(
            f"network {spec.name} draws {drawn} channels, the images have {channels}; use one that "
            f"draws 1 or {channels}"
        )
    return drawn


def _verdicts(
    ds: xr.Dataset, spec: ModelSpec, everything: bool, least_focus: float
) -> tuple[xr.DataArray, xr.DataArray]:
    """Which images are to be restored, and how far each is from the focus."""
    told = int(spec.options["inputs"]) > int(spec.options["outputs"])
    needed = ([] if everything else ["focus"]) + (["defocus"] if told else [])
    if missing := [name for name in needed if name not in ds]:
        raise DataError(
            f"the dataset has no {' and no '.join(missing)}; sort the images first: "
            "lensfree_nb.refocus.sort.sort"
        )
    frames = ds["image"].isel({dim: 0 for dim in ("channel", "y", "x") if dim in ds["image"].dims})
    away = ds["defocus"].fillna(TYPICAL) if told else xr.DataArray(TYPICAL)
    # What nobody could judge is left alone.
    blurred = ds["focus"].notnull() if "focus" in ds else xr.DataArray(True)
    if not everything:
        blurred = blurred & (ds["focus"] < least_focus)
    alike = frames.reset_coords(drop=True)
    return tuple(part.broadcast_like(alike) for part in (blurred, away))  # type: ignore[return-value]
