"""Which share of the gain is the network's, and which the second inversion's.

The stages of `reference` and `accelerated` one by one, on simulated cells as they were trained on
and on shapes that they never saw, on the microscope of the preset `paper`. `--quick` takes one
small field of each.
"""

from __future__ import annotations

import numpy as np
from _harness import Row, arguments, report, row
from _recovery import recovery, truth_of
from _scenes import ADHERENT, PIXEL_UM, UNSEEN, Scene, opened
from _seeds import TEST

from lensfree_nb.nets.registry import shipped
from lensfree_nb.reconstruct.reconstruct import reconstruct

SOURCE = "simulated; python benchmarks/ablation.py"
PRESET = "paper"
FULL = {"smoothness": 0.01, "sparsity": 0.001, "relax": 4.0, "prior": 0.0}
TWICE = {"passes": 2, "views": 8}
STAGES: dict[str, tuple[str, dict[str, object]]] = {
    "10 iterations": ("inverse", {"iterations": 10}),
    "153 iterations": ("inverse", {"iterations": 153}),
    "10, network": ("accelerated", {"iterations": 0}),
    "10, network in float32": ("accelerated", {"iterations": 0, "precision": "float32"}),
    "20, network": ("accelerated", {"first_iterations": 20, "iterations": 0}),
    "10, network, 5": ("accelerated", {"iterations": 5}),
    "10, network, 10 (accelerated)": ("accelerated", {}),
    "10, network, 10, no prior": ("accelerated", {"prior": 0.0}),
    "10, network, 153": ("reference", {"passes": 1, "views": 1}),
    "10, network, 10, network, 10": ("accelerated", {"passes": 2}),
    "10, network in 8 views, 10": ("accelerated", {"views": 8}),
    "10, network in 8 views, 10, network in 8 views, 10": ("accelerated", TWICE),
    "10, network in 8 views, 10, network in 8 views, 153": ("reference", TWICE),
    "the same, no prior, full regularisation": ("reference", TWICE | FULL),
}
PAPER_NETWORK: dict[str, tuple[str, dict[str, object]]] = {
    "10, the paper's network": ("accelerated", {"iterations": 0, "network": "unwrap"}),
    "10, the paper's network, 10": ("accelerated", {"network": "unwrap"}),
    "10, the paper's network, 153": ("reference", {"network": "unwrap", "passes": 1, "views": 1}),
}


def table(scene: Scene, size: int, device: str) -> list[Row]:
    rng = np.random.default_rng([TEST["ablation"], size])
    raw, cells = scene.acquired(PRESET, rng, size)
    ds, truth = opened(raw, PRESET), truth_of(raw["truth_opd"].values, cells, PIXEL_UM)
    rows = []
    stages = STAGES | (PAPER_NETWORK if "unwrap" in shipped() else {})
    for name, (method, parameters) in stages.items():
        found = reconstruct(ds, method, device=device, **parameters)
        scores = recovery([found["opd"].values], [truth])
        where = f"{scene.name}: {name}"
        rows += [
            row(f"{where}: RMSE", scores.rmse_nm, "nm", None, SOURCE),
            row(f"{where}: RMSE outside thick cells", scores.thin_rmse_nm, "nm", None, SOURCE),
            row(f"{where}: background SD", scores.background_sd_nm, "nm", None, SOURCE),
            row(f"{where}: slope of faint OPD", scores.faint_slope, "1", None, SOURCE),
            row(f"{where}: thick cells recovered", scores.thick, "1", None, SOURCE),
            row(f"{where}: residual", float(found["residual"]), "1", None, SOURCE),
        ]
    return rows


if __name__ == "__main__":
    args = arguments(__doc__)
    size = 320 if args.quick else 768
    report(table(ADHERENT, size, args.device) + table(UNSEEN, size, args.device), args)
