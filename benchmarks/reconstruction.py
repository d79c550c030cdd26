"""All methods on simulated cultures with their truth: what is recovered, how well, how fast.

Cultures are described in `_scenes.py`, scores in `_recovery.py` (SSIM takes the range of the truth
for its data range). Distance, shifts of the colours and tilt are found from the holograms, as a
user would. `--quick` takes one small field of each.
"""

from __future__ import annotations

import math
import time
from dataclasses import asdict

import numpy as np
import xarray as xr
from _harness import Row, arguments, data_folder, report, row
from _recovery import Recovery, Truth, recovery, truth_of
from _scenes import ADHERENT, CROWDED, PIXEL_UM, SCENES, UNSEEN, Scene, opened
from _seeds import TEST

from lensfree_nb.evaluate.similarity import rmse, ssim
from lensfree_nb.reconstruct.reconstruct import reconstruct

SOURCE = "simulated; python benchmarks/reconstruction.py"
METHODS = {
    "backpropagation": {}, "inverse": {"iterations": 153}, "annealed": {"iterations": 200},
    "reference": {}, "accelerated": {},
}  # fmt: skip
PRESETS = ("paper", "harsh")
UNITS = {
    "rmse_nm": "nm", "thin_rmse_nm": "nm", "background_sd_nm": "nm", "bias_percent": "%",
    "spread_percent": "%",
}  # fmt: skip
BARS = {
    "rmse_nm": "<= 3", "thin_rmse_nm": "<= 2", "ssim": ">= 0.98", "background_sd_nm": "<= 1.2",
    "thick_low": ">= 0.99", "thick_high": ">= 0.97",
}  # fmt: skip
STRANGE = {
    (CROWDED.name, "paper"), (UNSEEN.name, "paper"),
    *((scene.name, "harsh") for scene in SCENES),
}  # fmt: skip
Frames = list[tuple[xr.Dataset, Truth]]


def frames_of(scene: Scene, preset: str, quick: bool) -> Frames:
    """The fields of a scene, opened, with their truth."""
    found = []
    for number in range(1 if quick else scene.fields):
        stream = [TEST["reconstruction"], SCENES.index(scene), PRESETS.index(preset), number]
        size = 384 if quick else scene.size_px
        raw, cells = scene.acquired(preset, np.random.default_rng(stream), size)
        found.append((opened(raw, preset), truth_of(raw["truth_opd"].values, cells, PIXEL_UM)))
    return found


def timed(frames: Frames, method: str, device: str) -> tuple[list[np.ndarray], float]:
    """OPD of all fields, and seconds a field."""
    start = time.perf_counter()
    found = [
        reconstruct(ds, method, device=device, **METHODS[method])["opd"].values for ds, _ in frames
    ]
    return found, (time.perf_counter() - start) / len(frames)


def score(scene: Scene, preset: str, quick: bool, device: str) -> list[Row]:
    frames = frames_of(scene, preset, quick)
    truths = [truth for _, truth in frames]
    perfect = recovery([truth.opd_nm for truth in truths], truths)
    rows, opd, seconds, scores = [], {}, {}, {}
    for method in METHODS:
        opd[method], seconds[method] = timed(frames, method, device)
        scores[method] = recovery(opd[method], truths)
        where = f"{scene.name}, {preset}, {method}"
        rows += _rows(where, scores[method], perfect, barred=(scene, preset, method) == (
            ADHERENT, "paper", "reference"))  # fmt: skip
        rows += [
            row(f"{where}: RMSE to the very border", _to_the_border(opd[method], truths), "nm",
                None, SOURCE),
            row(f"{where}: time a field", seconds[method], "s", None, SOURCE),
        ]  # fmt: skip
        print(where, scores[method], flush=True)
    where = f"{scene.name}, {preset}"
    rows += _beside(where, scores, seconds, barred=(scene, preset) == (ADHERENT, "paper"))
    likeness, gap = _gap(opd["accelerated"], opd["reference"], truths)
    same = (scene, preset) == (ADHERENT, "paper")
    rows += [
        row(f"{where}: SSIM of accelerated against reference", likeness, "1",
            ">= 0.99" if same else None, SOURCE),
        row(f"{where}: accelerated less reference, SD", gap, "nm",
            "<= 6" if same else None, SOURCE),
    ]  # fmt: skip
    if (scene.name, preset) in STRANGE:
        shares = scores["reference"].thick
        rows.append(row(f"{where}: cells above half a wavelength recovered by reference", shares,
                        "1", ">= 0.9", SOURCE))  # fmt: skip
    return rows


def _rows(where: str, scores: Recovery, perfect: Recovery, *, barred: bool) -> list[Row]:
    """A line a score; what even the truth has no score of is left out."""
    found = []
    for name, value in asdict(scores).items():
        bar = BARS.get(name) if barred else None
        if bar or not math.isnan(getattr(perfect, name)):
            found.append(row(f"{where}: {name}", value, UNITS.get(name, "1"), bar, SOURCE))
    if barred:
        slope = abs(scores.faint_slope - 1)
        found.append(row(f"{where}: abs(faint_slope - 1)", slope, "1", "<= 0.1", SOURCE))
    return found


def _beside(
    where: str, scores: dict[str, Recovery], seconds: dict[str, float], *, barred: bool
) -> list[Row]:
    """Ratios of error and time between methods of one run."""

    def bar(text: str) -> str | None:
        return text if barred else None

    error = {method: found.rmse_nm for method, found in scores.items()}
    return [
        row(f"{where}: RMSE, reference over annealed", error["reference"] / error["annealed"],
            "1", bar("<= 1"), SOURCE),
        row(f"{where}: RMSE, accelerated over annealed", error["accelerated"] / error["annealed"],
            "1", bar("<= 1"), SOURCE),
        row(f"{where}: time, accelerated over annealed",
            seconds["accelerated"] / seconds["annealed"], "1", bar("<= 1"), SOURCE),
        row(f"{where}: time, accelerated over reference",
            seconds["accelerated"] / seconds["reference"], "1", bar("<= 0.2"), SOURCE),
    ]  # fmt: skip


def _to_the_border(found: list[np.ndarray], truths: list[Truth]) -> float:
    """RMSE (nm) over all there is, the rim included that the other scores leave out."""
    return rmse(np.stack(found), np.stack([truth.opd_nm for truth in truths]))


def _gap(
    one: list[np.ndarray], other: list[np.ndarray], truths: list[Truth]
) -> tuple[float, float]:
    likeness = [
        ssim(a, b, data_range=float(np.ptp(t.opd_nm)))
        for a, b, t in zip(one, other, truths, strict=True)
    ]
    apart = np.concatenate([(a - b).ravel() for a, b in zip(one, other, strict=True)])
    return float(np.mean(likeness)), float(apart.std())


def main(quick: bool, device: str) -> list[Row]:
    rows, errors = [], {}
    for scene in SCENES:
        for preset in PRESETS:
            found = score(scene, preset, quick, device)
            named = {r.name: float(r.value) for r in found}
            errors[scene.name, preset] = named[f"{scene.name}, {preset}, reference: rmse_nm"]
            rows += found
    # "Within twice" of what adherent cells came out with, and of what they were to come out with.
    for of, familiar in (
        ("that of adherent cells, paper", errors[ADHERENT.name, "paper"]),
        ("the bar of adherent cells, paper", float(BARS["rmse_nm"].split()[1])),
    ):
        rows += [
            row(f"{name}, {preset}, reference: RMSE over {of}",
                errors[name, preset] / familiar, "1", "<= 2", SOURCE)
            for name, preset in sorted(STRANGE)
        ]  # fmt: skip
    return rows


if __name__ == "__main__":
    args = arguments(__doc__)
    data_folder()  # If there is none, better told now than after the work.
    report(main(args.quick, args.device), args)
