"""What makes a frame quick: each choice beside what it was chosen over, turn by turn in one run.

Times are medians on the padded field of a full frame (random numbers). A ratio below 1 is for the
choice that the package made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from _harness import Row, arguments, report, row
from _one_frame import now
from _seeds import TEST
from torch import Tensor

from lensfree_nb.nets.registry import find_model
from lensfree_nb.optics.object_field import object_field
from lensfree_nb.reconstruct.methods import Inverse
from lensfree_nb.reconstruct.misfit import Misfit
from lensfree_nb.run.devices import choose_device
from lensfree_nb.run.memory import kept_memory
from lensfree_nb.run.networks import TILE_PX, apply_network
from lensfree_nb.simulate.instrument import PAPER_SETUP

ROUNDS, ITERATIONS = 3, 10
SOURCE = "random numbers; python benchmarks/fast_path.py"
Work = Callable[[], object]


@dataclass(frozen=True)
class Duel:
    """What the package does, and what it does not."""

    name: str
    chosen: Work
    other_name: str
    other: Work

    def rows(self, device: torch.device) -> list[Row]:
        """Seconds of both, and their ratio; the first call of each is not counted."""
        first = {work: seconds(work, device) for work in (self.chosen, self.other)}
        times = np.array(
            [[seconds(self.chosen, device), seconds(self.other, device)] for _ in range(ROUNDS)]
        )
        mine, theirs = np.median(times, axis=0)
        return [
            row(f"{self.name}, beside {self.other_name}: time", mine, "s", None, SOURCE),
            row(f"{self.other_name}: time", theirs, "s", None, SOURCE),
            row(f"{self.other_name}: time of its first call", first[self.other], "s", None, SOURCE),
            row(f"{self.name} over {self.other_name}", float(np.median(times[:, 0] / times[:, 1])),
                "1", None, SOURCE),
        ]  # fmt: skip


def seconds(work: Work, device: torch.device) -> float:
    start = now(device)
    work()
    return now(device) - start


def in_one(thickness: Tensor, absorption: Tensor, per_unit: float) -> Tensor:
    """The wave behind the object, as one expression over the whole field."""
    angle, amplitude = thickness * per_unit, torch.exp(-absorption)
    return torch.complex(angle.cos() * amplitude, angle.sin() * amplitude)


def kept(work: Work) -> Work:
    """A piece of work that keeps its memory until it is done."""

    def run() -> object:
        with kept_memory():
            return work()

    return run


def duels(shape: tuple[int, int], device: torch.device) -> list[Duel]:
    """Every choice, on one frame."""
    rng = np.random.default_rng(TEST["random_fields"])
    hologram = rng.uniform(0.9, 1.1, (PAPER_SETUP.exposures, *shape)).astype(np.float32)
    misfit = Misfit(torch.from_numpy(hologram).to(device), PAPER_SETUP)
    phase, absorption = (
        torch.from_numpy(rng.uniform(0, 1, misfit.shape).astype(np.float32)).to(device)
        for _ in range(2)
    )
    colours = torch.stack([object_field(phase, absorption, ratio) for ratio in misfit.ratios])
    network = find_model("accelerate")
    shown = torch.from_numpy(
        rng.normal(0, 0.1, (int(network.options["inputs"]), *shape)).astype(np.float32)
    ).to(device)
    compiled = torch.compile(in_one)

    def inverted() -> object:
        return Inverse(ITERATIONS).solve(misfit)

    return [
        Duel(f"{ITERATIONS} iterations, freed memory kept", kept(inverted),
             f"{ITERATIONS} iterations, freed memory given back", inverted),
        Duel("wave behind the object, in bands", lambda: object_field(phase, absorption, 1.0),
             "wave behind the object, whole", lambda: in_one(phase, absorption, 1.0)),
        Duel("wave behind the object, in bands", lambda: object_field(phase, absorption, 1.0),
             "wave behind the object, torch.compile", lambda: compiled(phase, absorption, 1.0)),
        Duel("transforms, colour by colour", lambda: [torch.fft.fft2(c) for c in colours],
             "transforms, colours batched", lambda: torch.fft.fft2(colours)),
        *(
            Duel("network, precision and tiles of its own choice",
                 lambda: apply_network(network, shown),
                 f"network, {', '.join(f'{name} {value}' for name, value in other.items())}",
                 lambda other=other: apply_network(network, shown, **other))
            for other in (
                {"precision": "float32"}, {"precision": "bfloat16"}, {"tile_px": TILE_PX // 2},
                {"tile_px": TILE_PX * 2},
            )
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    args = arguments(__doc__)
    device = choose_device(args.device)
    with torch.inference_mode():
        found = duels((687, 960) if args.quick else (2748, 3840), device)
        report([line for duel in found for line in duel.rows(device)], args)
