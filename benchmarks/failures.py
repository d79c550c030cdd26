"""What goes wrong in a real dish: what it costs, and whether it is told.

One simulated field, damaged in one way at a time. The error is taken where the light was not lost,
the same part of the undamaged field beside it. Pictures go to --out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from _harness import Row, arguments, report, row
from _pictures import draw
from _recovery import BORDER_UM
from _scenes import ADHERENT, PIXEL_UM, opened
from _seeds import TEST

from lensfree_nb.evaluate.similarity import rmse
from lensfree_nb.optics.propagation import fringe_halo_px
from lensfree_nb.reconstruct.reconstruct import reconstruct
from lensfree_nb.simulate.instrument import PAPER_SETUP

SOURCE = "simulated; python benchmarks/failures.py"
METHODS = ("inverse", "accelerated")
OFF_UM, SPECKS = 50.0, 10
COUNTS_AT_1, FULL_SCALE = 1000, 4095
# What lies nearer to a loss than fringes reach has lost light too.
REACH_PX = fringe_halo_px(PAPER_SETUP)
Part = tuple[slice, slice]


@dataclass(frozen=True)
class Damage:
    """One thing that goes wrong.

    `left` gives the part of a frame of some size that keeps its light, `lost` the part that loses
    it; `told` is whether the whole frame must come out as not to be trusted.
    """

    name: str
    do: Callable[[xr.Dataset], xr.Dataset]
    left: Callable[[int], Part] = lambda size: np.s_[:, :]
    lost: Callable[[int], Part] | None = None
    told: bool = False


def corner(ds: xr.Dataset, value: float) -> xr.Dataset:
    """A quarter of the side along y and x set to a value in all colours."""
    found, size = ds.copy(deep=True), ds.sizes["y"] // 4
    found["hologram"][:, :size, :size] = value
    return found


def saturated(ds: xr.Dataset) -> xr.Dataset:
    """Counts of twelve bits, at the end of their range over the corner."""
    counts = (ds["hologram"] * COUNTS_AT_1).round().clip(0, FULL_SCALE)
    counts = counts.assign_attrs(units="counts", full_scale=float(FULL_SCALE))
    return corner(ds.assign(hologram=counts), FULL_SCALE)


def colour_blind(ds: xr.Dataset, exposure: int) -> xr.Dataset:
    """One colour lost."""
    found = ds.copy(deep=True)
    found["hologram"][exposure] = np.nan
    return found


def dusty(ds: xr.Dataset) -> xr.Dataset:
    """Ten specks, 20 µm across, that let a tenth of the light through."""
    found, size = ds.copy(deep=True), ds.sizes["y"]
    y, x = np.ogrid[:size, :size]
    rng = np.random.default_rng([TEST["failures"], SPECKS])
    for centre in rng.uniform(0.2, 0.8, (SPECKS, 2)) * size:
        speck = np.hypot(y - centre[0], x - centre[1]) < 10 / PIXEL_UM
        found["hologram"][:] *= 1 - 0.9 * speck
    return found


def nudged(ds: xr.Dataset, by_um: float) -> xr.Dataset:
    """The stated distance moved."""
    return ds.assign_coords(distance=ds["distance"] + by_um)


def mixed_up(ds: xr.Dataset) -> xr.Dataset:
    """Red taken for blue."""
    return ds.assign(hologram=ds["hologram"].copy(data=ds["hologram"].values[::-1]))


def beyond_corner(size: int) -> Part:
    first = size // 4 + REACH_PX
    return np.s_[first:, first:]


def in_corner(size: int) -> Part:
    return np.s_[: size // 4, : size // 4]


DAMAGES = (
    Damage("a corner saturated", saturated, beyond_corner, in_corner),
    Damage("a corner without a sample", lambda ds: corner(ds, 1.0), beyond_corner),
    Damage("red dead", lambda ds: colour_blind(ds, 0), told=True),
    Damage("green dead", lambda ds: colour_blind(ds, 1), told=True),
    Damage("blue dead", lambda ds: colour_blind(ds, 2), told=True),
    Damage("ten specks of dust", dusty),
    Damage("red and blue mixed up", mixed_up, told=True),
    Damage("distance 50 um too short", lambda ds: nudged(ds, -OFF_UM), told=True),
    Damage("distance 50 um too long", lambda ds: nudged(ds, OFF_UM), told=True),
)


def rows_of(damage: Damage, clean: xr.Dataset, truth: np.ndarray, device: str) -> list[Row]:
    """Error with the damage and without, and what the frame says of itself."""
    rows = []
    edge = round(BORDER_UM / PIXEL_UM)
    part, inner = damage.left(truth.shape[0]), np.s_[edge:-edge, edge:-edge]
    for method in METHODS:
        found = {
            name: reconstruct(ds, method, device=device, residual_map=True)
            for name, ds in (("damaged", damage.do(clean)), ("clean", clean))
        }
        error = {
            name: rmse(*(
                image[part][inner] for image in (made["opd"].values, truth)
            ))
            for name, made in found.items()
        }  # fmt: skip
        where = f"{damage.name}, {method}"
        recorded = np.ones(truth.shape, bool)
        if damage.lost:
            recorded[damage.lost(len(truth))] = False
        rows += [
            row(f"{where}: RMSE, damaged", error["damaged"], "nm", None, SOURCE),
            row(f"{where}: RMSE, as it was", error["clean"], "nm", None, SOURCE),
            row(f"{where}: recorded pixels that are numbers",
                float(np.isfinite(found["damaged"]["opd"].values)[recorded].mean()), "1", ">= 1",
                SOURCE),
        ]  # fmt: skip
        trusted = found["damaged"]["trusted"].values
        if damage.lost:
            share = float(trusted[damage.lost(len(trusted))].mean())
            name = f"{where}: share trusted of what was lost"
            rows.append(row(name, share, "1", "<= 0", SOURCE))
        knows = method == "accelerated"  # an inversion alone bends to what it is told
        rows += [
            row(f"{where}: the frame is trusted", float(trusted.any()), "1",
                ("<= 0" if damage.told else ">= 1") if knows else None, SOURCE),
            row(f"{where}: share trusted of what was kept", float(trusted[part].mean()), "1",
                ("<= 0" if damage.told else ">= 0.9") if knows else None, SOURCE),
        ]  # fmt: skip
        if knows:
            defocus = float(found["damaged"]["defocus"])
            rows.append(row(f"{where}: defocus", defocus, "um", None, SOURCE))
    return rows


def picture(path: Path, clean: xr.Dataset, device: str) -> None:
    """OPD by the accelerated method of each damaged frame."""
    images = [
        (damage.name, reconstruct(damage.do(clean), "accelerated", device=device)["opd"].values)
        for damage in DAMAGES
    ]
    draw(path, images, "OPD (nm)", pitch_um=PIXEL_UM, limits=(0, 300))


def lost_frames(clean: xr.Dataset, device: str) -> list[Row]:
    """Frames of a series that come out the same although one between them is lost."""
    broken = clean.expand_dims(time=3).copy(deep=True)
    broken["hologram"][1] = np.nan
    found = reconstruct(broken, "accelerated", device=device)
    alone = reconstruct(clean, "accelerated", device=device)
    same = [bool((found["opd"][n] == alone["opd"]).all()) for n in (0, 2)]
    return [
        row("a frame lost: others with identical bytes", float(sum(same)), "of 2", ">= 2", SOURCE),
        row("a frame lost: trusted", float(found["trusted"][1]), "1", "<= 0", SOURCE),
    ]


if __name__ == "__main__":
    args = arguments(__doc__)
    rng = np.random.default_rng(TEST["failures"])
    raw, _ = ADHERENT.acquired("paper", rng, 320 if args.quick else 640)
    ds, truth_nm = opened(raw, "paper"), raw["truth_opd"].values
    rows = [r for damage in DAMAGES for r in rows_of(damage, ds, truth_nm, args.device)]
    rows += lost_frames(ds.isel(y=slice(0, 256), x=slice(0, 256)), args.device)
    picture(args.out / "failures.png", ds, args.device)
    report(rows, args)
