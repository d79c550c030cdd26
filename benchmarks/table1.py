"""The paper's table 1 on full frames: networks and the standard pipeline, against it and the truth.

Four simulated frames as dense as the paper's, and two scenes that no network has met: outlines
unseen in training, and a harsh microscope. All is measured on reconstructed OPD, networks of the
paper's kind on that of the reference method, as theirs were. Its own rows stand beside.

`--quick` takes small fields and the accelerated method alone; `--keep FOLDER` keeps reconstructions
there, and takes up those that were made by the same sources; `--frame N` (from 0, as often as
wanted) takes some of the six, and leaves in the file what the same commit found of the others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from _harness import Row, arguments, data_folder, report, row, write
from _kept import kept
from _measures import agreement_rows, error_bar_rows, truth_table
from _scenes import PIXEL_UM, UNSEEN, hl60, opened
from _seeds import TEST

from lensfree_nb.contract import METRIC_UNITS
from lensfree_nb.evaluate.paper import DENSITIES_PER_MM2, paper_table_1
from lensfree_nb.nets.registry import shipped
from lensfree_nb.pipeline.likeness import representation_ssim
from lensfree_nb.quantify.cells import cells as cells_of
from lensfree_nb.quantify.quantify import quantify
from lensfree_nb.reconstruct.reconstruct import reconstruct
from lensfree_nb.simulate.acquisition import acquire
from lensfree_nb.simulate.dish import culture

SOURCE = "simulated; python benchmarks/table1.py"
FRAME_PX, SMALL_PX = (2748, 3840), (384, 512)
SIDE_PX, MARGIN_UM = 1024, 165.0
DEFAULT, STANDARD, BARRED = "measure", "standard", "reference"
CROWDED_PER_MM2 = 500
LOST = 0.02


@dataclass(frozen=True)
class Frame:
    """A frame to be measured: how it is called, what is in it, and what its bars are."""

    name: str
    density_per_mm2: int
    preset: str
    kinds: dict[str, float] | None
    full: bool

    def acquired(self, number: int, quick: bool) -> tuple[Callable[[], xr.Dataset], pd.DataFrame]:
        """What gives the hologram as a user would have prepared it, and the true cells."""
        rng = np.random.default_rng([TEST["table1"], number])
        shape = self.shape(quick)
        bank = hl60() if self.kinds and "measured" in self.kinds else None
        drawn = culture(
            shape, self.density_per_mm2, rng=rng, kinds=self.kinds, margin_um=MARGIN_UM,
            measured_cells=bank,
        )  # fmt: skip

        @cache
        def hologram() -> xr.Dataset:
            raw = acquire(drawn, shape, rng=rng, instrument=self.preset, measured_cells=bank)
            return opened(raw, self.preset)

        return hologram, truth_table(drawn, shape, PIXEL_UM)

    def shape(self, quick: bool) -> tuple[int, int]:
        """In pixels."""
        return SMALL_PX if quick else FRAME_PX if self.full else (SIDE_PX, SIDE_PX)

    def bars(self) -> dict[str, dict[str, str]]:
        """What the default network is held to against the truth."""
        crowded = self.density_per_mm2 >= CROWDED_PER_MM2
        strange = not self.full
        shares = ">= 0.98" if crowded else ">= 0.99"
        found: dict[str, dict[str, str]] = (
            {} if strange else {"": {"precision": shares, "recall": shares}}
        )
        for metric in METRIC_UNITS:
            thick = metric == "max_opd_nm"
            least = 0.90 if strange else (0.92 if thick else 0.95) if crowded else (
                0.95 if thick else 0.97
            )  # fmt: skip
            found[metric] = {"r2": f">= {least}", "bias": "<= 5" if strange else "<= 2"}
            if not strange:
                found[metric]["tercile"] = "<= 4"
        return found


FRAMES = (
    *(Frame(f"{n}/mm2", n, "paper", None, full=True) for n in DENSITIES_PER_MM2),
    Frame("unseen outlines, 200/mm2", 200, "paper", UNSEEN.kinds, full=False),
    Frame("harsh, 255/mm2", 255, "harsh", None, full=False),
)


def tables(rec: xr.Dataset, device: str, *, paper: bool) -> Iterator[tuple[str, pd.DataFrame]]:
    """By the standard pipeline, by the default network, and where asked by the paper's kind."""
    yield STANDARD, cells_of(rec, method="standard")
    for name in shipped():
        if name == DEFAULT or (paper and name.startswith("paper-")):
            yield name, cells_of(quantify(rec, name, device=device))


def score(
    frame: Frame, number: int, quick: bool, device: str, keep: Path | None = None
) -> list[Row]:
    hologram, truth = frame.acquired(number, quick)
    rows = [row(f"{frame.name}: cells in truth", float(len(truth)), "1", None, SOURCE)]
    r2: dict[str, dict[str, float]] = {}
    for method in ("accelerated",) if quick else (BARRED, "accelerated"):
        where = f"{frame.name}, {method}"
        asked = (frame, number, frame.shape(quick), MARGIN_UM, method)
        rec = kept(keep, where, asked, lambda m=method: reconstruct(hologram(), m, device=device))
        found = dict(tables(rec, device, paper=quick or method == BARRED))
        barred = method == BARRED
        rows.append(row(f"{where}: cells", float(len(found[STANDARD])), "1", None, SOURCE))
        for name, table in found.items():
            held = frame.bars() if barred and name == DEFAULT else {}
            rows += agreement_rows(f"{where}, {name} against truth", table, truth, held, SOURCE)
            if name.startswith("paper-"):
                rows += agreement_rows(
                    f"{where}, {name} against the pipeline", table, found[STANDARD],
                    _paper_bars(frame, table) if barred and frame.full else {}, SOURCE,
                )  # fmt: skip
                rows += [
                    row(f"{where}, {name} against the pipeline, {metric}: ssim", score, "1", None,
                        SOURCE)
                    for metric, score in representation_ssim(table, found[STANDARD]).items()
                    if np.isfinite(score)
                ]  # fmt: skip
        rows += error_bar_rows(
            f"{where}, {DEFAULT}", found[DEFAULT], truth, SOURCE, barred=barred and frame.full
        )
        r2[method] = _r2(rows, f"{where}, {DEFAULT} against truth")
        rows += _ahead(where, rows, barred=barred)
    if len(r2) > 1:
        rows += [
            row(f"{frame.name}, {metric}: R2 lost by accelerated input",
                r2["reference"][metric] - r2["accelerated"][metric], "1", f"<= {LOST}", SOURCE)
            for metric in METRIC_UNITS
        ]  # fmt: skip
    return rows


def _r2(rows: list[Row], where: str) -> dict[str, float]:
    values = {r.name: float(r.value) for r in rows}
    return {metric: values[f"{where}, {metric}: r2"] for metric in METRIC_UNITS}


def _ahead(where: str, rows: list[Row], *, barred: bool) -> list[Row]:
    """What is left unexplained by the default network, over what the pipeline leaves."""
    mine, theirs = (_r2(rows, f"{where}, {name} against truth") for name in (DEFAULT, STANDARD))
    return [
        row(f"{where}, {metric}: 1 - R2 of {DEFAULT} over that of the pipeline",
            (1 - mine[metric]) / (1 - theirs[metric]), "1", "<= 1" if barred else None, SOURCE)
        for metric in METRIC_UNITS
    ]  # fmt: skip


def _paper_bars(frame: Frame, table: pd.DataFrame) -> dict[str, dict[str, str]]:
    """At least what the paper reached at this density, in what the network measures."""
    theirs = paper_table_1()
    found: dict[str, dict[str, str]] = {"": {"precision": ">= 0.98", "recall": ">= 0.99"}}
    for metric in (name for name in METRIC_UNITS if table[name].notna().any()):
        scores = theirs.loc[(metric, frame.density_per_mm2)]
        found[metric] = {"r2": f">= {scores['r2']}", "mad": f"<= {scores['mad']}"}
    return found


def paper_rows() -> list[Row]:
    """Of Allier 2022."""
    return [
        row(f"{density}/mm2, Allier 2022 against the pipeline, {metric}: {name}",
            float(scores[name]), "1", None, "Allier 2022, table 1")
        for (metric, density), scores in paper_table_1().iterrows()
        for name in ("ssim", "r2", "slope", "intercept", "mad")
    ]  # fmt: skip


def before(path: Path | None, commit: str, quick: bool) -> dict[int, list[Row]]:
    """What a file holds of each frame, if it was measured at the same commit."""
    record = json.loads(path.read_text()) if path and path.is_file() else {}
    if (record.get("commit"), record.get("quick")) != (commit, quick):
        return {}
    rows = [Row(**each) for each in record["rows"]]
    of_frames = [
        [r for r in rows if r.source == SOURCE and r.name.startswith((f"{f.name}:", f"{f.name},"))]
        for f in FRAMES
    ]
    return {number: found for number, found in enumerate(of_frames) if found}


if __name__ == "__main__":
    numbers = range(len(FRAMES))
    args = arguments(
        __doc__,
        keep={"type": Path, "help": "where reconstructions are kept"},
        frame={"type": int, "action": "append", "choices": numbers, "help": "which, from 0"},
    )
    data_folder()  # If there is none, better told now than after the work.
    found: dict[int, list[Row]] = {}
    rows, command = [], args.made["command"]
    for number in args.frame or numbers:
        found[number] = score(FRAMES[number], number, args.quick, args.device, args.keep)
        print(FRAMES[number].name, "done", flush=True)
        # Others may have been measured meanwhile; and what is found is not to be lost by the next.
        found = before(args.json, args.made["commit"], args.quick) | found
        some = sorted(found) if len(found) < len(FRAMES) else []
        args.made["command"] = command + "".join(f" --frame {n}" for n in some)
        rows = [*(each for n in sorted(found) for each in found[n]), *paper_rows()]
        if args.json:
            write(rows, args.json, args)
    report(rows, args)
