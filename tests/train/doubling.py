"""A task that is learned within a few steps: to double an image."""

import dataclasses

import torch

from lensfree_nb.train.loop import Training
from lensfree_nb.train.recipe import Recipe, Schedule
from tests import seeds

SCHEDULE = Schedule(
    steps=160, batch=4, learning_rate=2e-2, warmup=5, validate_every=40, average=0.8
)
RECIPE = Recipe(
    name="double", purpose="Doubles its input.", task="double",
    network={"kind": "unet", "features": 8, "depth": 2}, data={"seed": seeds.CELLS},
    schedule=SCHEDULE,
)  # fmt: skip


@dataclasses.dataclass
class Double:
    """The truth is twice the input: learned within a few steps."""

    seed: int
    device: str = "auto"
    worth: float = 1.0

    def options(self):
        return {"inputs": 1, "outputs": 1, "task": "double"}

    def batch(self, step, size):
        images = torch.rand(
            size, 1, 8, 8, generator=torch.Generator().manual_seed(self.seed + step)
        )
        return images, 2 * images

    def validation(self):
        return [self.batch(10_000 + n, 2) for n in range(2)]

    def loss(self, found, truth):
        return (found - truth).square().mean()

    def scores(self, found, truth):
        return {"error": self.worth * float((found - truth).square().mean())}

    def learned(self, found, truth):
        return {"seen": float((found - truth).abs().max())}


def training(folder, recipe=RECIPE, said=None):
    told = [] if said is None else said
    return Training(recipe, folder / "double.checkpoint.safetensors", "cpu", told.append)


def weights(run):
    return torch.cat([part.flatten() for part in run.best.state_dict().values()])
