"""``ds.lf``: every verb, one line each. No state and no logic here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import xarray as xr

from lensfree_nb.accessor_images import ImageVerbs

if TYPE_CHECKING:
    from pathlib import Path

    import dask.dataframe as dd
    import pandas as pd
    from matplotlib.figure import Figure

    from lensfree_nb.dashboards.tuner import DistanceTuner
    from lensfree_nb.nets.registry import ModelSpec


@xr.register_dataset_accessor("lf")  # type: ignore[no-untyped-call]
class LensfreeAccessor(ImageVerbs):
    """The verbs of lens-free microscopy on a dataset that keeps the contract."""

    def __init__(self, ds: xr.Dataset):
        self._ds = ds

    def find_distance(
        self,
        *,
        range_um: Sequence[float] | None = None,
        per_exposure: bool | None = None,
        per_frame: bool = False,
        on_failure: Literal["raise", "flag"] = "raise",
        criterion: str = "inversion",
        device: str = "auto",
    ) -> xr.Dataset:
        """Set the ``distance`` coordinate (µm) to where the holograms are explained most simply.

        See :func:`lensfree_nb.reconstruct.find_distance.find_distance`.
        """
        from lensfree_nb.reconstruct.find_distance import find_distance

        return find_distance(
            self._ds, range_um=range_um, per_exposure=per_exposure, per_frame=per_frame,
            on_failure=on_failure, criterion=criterion, device=device,
        )  # fmt: skip

    def find_tilt(
        self,
        *,
        windows: int = 3,
        spread: float = 0.05,
        criterion: str = "inversion",
        device: str = "auto",
    ) -> xr.Dataset:
        """Fit a plane through local distances: a tilted dish, followed tile by tile.

        See :func:`lensfree_nb.reconstruct.tilt.find_tilt`.
        """
        from lensfree_nb.reconstruct.tilt import find_tilt

        return find_tilt(
            self._ds, windows=windows, spread=spread, criterion=criterion, device=device
        )

    def register(
        self, *, on_failure: Literal["raise", "flag"] = "raise", device: str = "auto"
    ) -> xr.Dataset:
        """Set ``shift_y`` and ``shift_x`` (µm): where each colour's hologram lies on the sensor.

        See :func:`lensfree_nb.reconstruct.register.register`.
        """
        from lensfree_nb.reconstruct.register import register

        return register(self._ds, on_failure=on_failure, device=device)

    def distance_curve(
        self,
        distances_um: Sequence[float] | None = None,
        *,
        time: int = 0,
        criterion: str = "inversion",
        device: str = "auto",
    ) -> xr.DataArray:
        """The curve that :meth:`find_distance` follows, over ``distance`` (µm), for plotting.

        See :func:`lensfree_nb.reconstruct.find_distance.distance_curve`.
        """
        from lensfree_nb.reconstruct.distance_curve import distance_curve

        return distance_curve(self._ds, distances_um, time=time, criterion=criterion, device=device)

    def reconstruct(
        self,
        method: Literal[
            "inverse", "annealed", "backpropagation", "reference", "accelerated"
        ] = "inverse",
        *,
        tile_px: int | None = None,
        halo_px: int | None = None,
        device: str = "auto",
        trust_residual: float = 0.5,
        residual_map: bool = False,
        start: xr.Dataset | None = None,
        **parameters: Any,
    ) -> xr.Dataset:
        """Optical path difference (nm), absorption, residual and trust of every frame.

        See :func:`lensfree_nb.reconstruct.reconstruct.reconstruct`.
        """
        from lensfree_nb.reconstruct.reconstruct import reconstruct

        return reconstruct(
            self._ds, method, tile_px=tile_px, halo_px=halo_px, device=device,
            trust_residual=trust_residual, residual_map=residual_map, start=start, **parameters,
        )  # fmt: skip

    def refocus(
        self,
        distance_um: float | Sequence[float] | None = None,
        *,
        extended: bool = False,
        window_um: float = 15.0,
        objects: Literal["absorbing", "transparent"] = "absorbing",
        sorter: str | Path | ModelSpec = "focus",
        restorer: str | Path | ModelSpec = "restore",
        everything: bool = False,
        device: str = "auto",
    ) -> xr.Dataset:
        """Holograms in any plane; images sorted by focus, and the defocused ones restored.

        See :func:`lensfree_nb.refocus.refocus.refocus`.
        """
        from lensfree_nb.refocus.refocus import refocus

        return refocus(
            self._ds, distance_um, extended=extended, window_um=window_um, objects=objects,
            sorter=sorter, restorer=restorer, everything=everything, device=device,
        )  # fmt: skip

    def quantify(
        self,
        network: str | Path | ModelSpec = "measure",
        *,
        least: float | None = None,
        alpha_um3_per_pg: float = 0.18,
        tile_px: int | None = None,
        precision: str = "auto",
        device: str = "auto",
    ) -> xr.Dataset:
        """Maps of every cell's area, dry mass, thickness and length, by a network.

        See :func:`lensfree_nb.quantify.quantify.quantify`.
        """
        from lensfree_nb.quantify.quantify import quantify

        return quantify(
            self._ds, network, least=least, alpha_um3_per_pg=alpha_um3_per_pg, tile_px=tile_px,
            precision=precision, device=device,
        )  # fmt: skip

    def changes(
        self,
        network: str | Path | ModelSpec = "change",
        *,
        least: float | None = None,
        alpha_um3_per_pg: float = 0.18,
        tile_px: int | None = None,
        precision: str = "auto",
        device: str = "auto",
    ) -> xr.Dataset:
        """Maps of every cell's displacement, elongation and growth between frames, by a network.

        See :func:`lensfree_nb.quantify.changes.changes`.
        """
        from lensfree_nb.quantify.changes import changes

        return changes(
            self._ds, network, least=least, alpha_um3_per_pg=alpha_um3_per_pg, tile_px=tile_px,
            precision=precision, device=device,
        )  # fmt: skip

    def segment(
        self,
        *,
        threshold_nm: float | None = None,
        cell_diameter_um: float = 20.0,
        min_area_um2: float = 80.0,
        quality_nm: float = 10.0,
    ) -> xr.Dataset:
        """Outline every cell: adds ``labels``.

        See :func:`lensfree_nb.quantify.cells.segment`.
        """
        from lensfree_nb.quantify.cells import segment

        return segment(
            self._ds, threshold_nm=threshold_nm, cell_diameter_um=cell_diameter_um,
            min_area_um2=min_area_um2, quality_nm=quality_nm,
        )  # fmt: skip

    def cells(
        self,
        *,
        method: Literal["auto", "standard", "maps"] = "auto",
        threshold_nm: float | None = None,
        cell_diameter_um: float = 20.0,
        min_area_um2: float = 80.0,
        quality_nm: float = 10.0,
        alpha_um3_per_pg: float = 0.18,
        properties: Sequence[str] = (),
        tile_px: int | None = None,
    ) -> pd.DataFrame | dd.DataFrame:
        """Measure every cell: one row each; lazy, one partition a frame, where the data are.

        See :func:`lensfree_nb.quantify.cells.cells`.
        """
        from lensfree_nb.quantify.cells import cells

        return cells(
            self._ds, method=method, threshold_nm=threshold_nm,
            cell_diameter_um=cell_diameter_um, min_area_um2=min_area_um2, quality_nm=quality_nm,
            alpha_um3_per_pg=alpha_um3_per_pg, properties=properties, tile_px=tile_px,
        )  # fmt: skip

    def figure(
        self,
        cells: pd.DataFrame | None = None,
        *,
        holograms: xr.Dataset | None = None,
        time: int = 0,
        title: str | None = None,
    ) -> Figure:
        """Draw one frame: holograms, OPD with cells outlined, distributions.

        See :func:`lensfree_nb.dashboards.figure.figure`.
        """
        from lensfree_nb.dashboards.figure import figure

        return figure(self._ds, cells, holograms=holograms, time=time, title=title)

    def dashboard(
        self, cells: pd.DataFrame | None = None, reference: pd.DataFrame | None = None
    ) -> Any:
        """Explore a result: map with cells, distributions, regression against a reference.

        See :func:`lensfree_nb.dashboards.explore.dashboard`.
        """
        from lensfree_nb.dashboards.explore import dashboard

        return dashboard(self._ds, cells, reference)

    def tune_distance(self, *, time: int = 0, crop_px: int = 512) -> DistanceTuner:
        """Find the distance by eye: sliders and a live picture; then take ``.dataset``.

        See :func:`lensfree_nb.dashboards.tuner.tune_distance`.
        """
        from lensfree_nb.dashboards.tuner import tune_distance

        return tune_distance(self._ds, time=time, crop_px=crop_px)

    def page(
        self,
        cells: pd.DataFrame,
        path: str | Path,
        *,
        reference: pd.DataFrame | None = None,
        reference_name: str = "the reference",
        holograms: xr.Dataset | None = None,
        title: str = "Lens-free microscopy",
    ) -> Path:
        """Write one self-contained HTML page of a result.

        See :func:`lensfree_nb.dashboards.page.write_page`.
        """
        from lensfree_nb.dashboards.page import write_page

        return write_page(
            self._ds, cells, path, reference=reference, reference_name=reference_name,
            holograms=holograms, title=title,
        )  # fmt: skip

    def _repr_html_(self) -> str:
        from lensfree_nb.dashboards.html import repr_html

        return repr_html(self._ds)
