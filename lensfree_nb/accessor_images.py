"""Those verbs of ``ds.lf`` that are for images through an objective. No state and no logic here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xarray as xr

if TYPE_CHECKING:
    from pathlib import Path

    from lensfree_nb.nets.registry import ModelSpec


class ImageVerbs:
    """Sorting by focus and what follows from it; ``refocus`` does it all."""

    _ds: xr.Dataset

    def sort(
        self, network: str | Path | ModelSpec = "focus", *, device: str = "auto"
    ) -> xr.Dataset:
        """How probably each image is in focus, and how far it is from it.

        See :func:`lensfree_nb.refocus.sort.sort`.
        """
        from lensfree_nb.refocus.sort import sort

        return sort(self._ds, network, device=device)

    def restore(
        self,
        network: str | Path | ModelSpec = "restore",
        *,
        everything: bool = False,
        least_focus: float = 0.5,
        tile_px: int | None = 1024,
        precision: str = "auto",
        device: str = "auto",
    ) -> xr.Dataset:
        """Images that are probably out of focus, drawn as in it.

        See :func:`lensfree_nb.refocus.restore.restore`.
        """
        from lensfree_nb.refocus.restore import restore

        return restore(
            self._ds, network, everything=everything, least_focus=least_focus, tile_px=tile_px,
            precision=precision, device=device,
        )  # fmt: skip

    def deconvolve(self, *, sigma_px: float = 2.0, iterations: int = 20) -> xr.Dataset:
        """Richardson and Lucy's deconvolution of every image: a baseline.

        See :func:`lensfree_nb.refocus.deconvolve.deconvolve`.
        """
        from lensfree_nb.refocus.deconvolve import deconvolve

        return deconvolve(self._ds, sigma_px=sigma_px, iterations=iterations)

    def sharpness(self, criterion: str = "tenengrad", *, smoothing_px: float = 1.0) -> xr.DataArray:
        """How sharp each image is by a classical criterion, to compare images of one place.

        See :func:`lensfree_nb.refocus.sharpness.sharpness`.
        """
        from lensfree_nb.refocus.sharpness import sharpness

        return sharpness(self._ds, criterion, smoothing_px=smoothing_px)
