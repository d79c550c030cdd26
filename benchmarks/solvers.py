"""Which solver: accelerated proximal gradient, L-BFGS, conjugate gradients, Adam, side by side.

The same misfit and the same number of gradient evaluations on simulated adherent cells of a tuning
seed. The smooth solvers take a Huber-smoothed total variation and x = s^2 for positivity, which
is the best we could make of them.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable

import numpy as np
import torch
from _harness import Row, arguments, report, row
from _seeds import TUNE
from scipy.optimize import minimize
from torch import Tensor

from lensfree_nb.evaluate.similarity import rmse, ssim
from lensfree_nb.reconstruct.misfit import Misfit
from lensfree_nb.reconstruct.solver import Weights, minimise
from lensfree_nb.simulate.acquisition import acquire
from lensfree_nb.simulate.dish import culture
from lensfree_nb.simulate.instrument import PAPER_SETUP

HUBER = 0.01
START = 0.1
WEIGHTS = Weights(relax=1.0)
SOURCE = "simulated; python benchmarks/solvers.py"
Pair = tuple[Tensor, Tensor]


def smooth_objective(misfit: Misfit, root: Tensor) -> tuple[float, Tensor]:
    """Objective and gradient at (phase, absorption) = root^2."""
    image = root**2
    value, *gradients = misfit.value_and_gradient(image[0], image[1])
    gradient = torch.stack(gradients) + WEIGHTS.sparsity
    value += WEIGHTS.sparsity * float(image.sum())
    down = torch.diff(image, dim=1, append=image[:, -1:])
    across = torch.diff(image, dim=2, append=image[:, :, -1:])
    norm = (down**2 + across**2 + HUBER**2).sqrt()
    value += WEIGHTS.smoothness * float((norm - HUBER).sum())
    down, across = down / norm, across / norm
    curl = -down - across
    curl[:, 1:] += down[:, :-1]
    curl[:, :, 1:] += across[:, :, :-1]
    gradient += WEIGHTS.smoothness * curl
    return value, 2 * root * gradient


def proximal(misfit: Misfit, evaluations: int) -> Pair:
    return minimise(misfit, WEIGHTS, iterations=evaluations)


def with_scipy(method: str) -> Callable[[Misfit, int], Pair]:
    def run(misfit: Misfit, evaluations: int) -> Pair:
        shape = (2, *misfit.shape)
        left = [evaluations]
        best = [np.full(shape, START, np.float32).ravel(), math.inf]

        class SpentError(Exception):
            pass

        def function(x: np.ndarray) -> tuple[float, np.ndarray]:
            if left[0] == 0:
                raise SpentError
            left[0] -= 1
            value, gradient = smooth_objective(misfit, torch.from_numpy(x.reshape(shape)).float())
            if value < best[1]:
                best[:] = [x.copy(), value]
            return value, gradient.double().numpy().ravel()

        with contextlib.suppress(SpentError):
            minimize(
                function,
                best[0].astype(float),
                jac=True,
                method=method,
                options={"maxiter": evaluations},
            )
        image = torch.from_numpy(best[0].reshape(shape)).float() ** 2
        return image[0], image[1]

    return run


def adam(misfit: Misfit, evaluations: int) -> Pair:
    root = torch.full((2, *misfit.shape), START, requires_grad=True)
    optimiser = torch.optim.Adam([root], lr=0.03)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, evaluations)
    for _ in range(evaluations):
        root.grad = smooth_objective(misfit, root.detach())[1]
        optimiser.step()
        schedule.step()
    image = root.detach() ** 2
    return image[0], image[1]


SOLVERS: dict[str, Callable[[Misfit, int], Pair]] = {
    "accelerated proximal gradient": proximal,
    "L-BFGS": with_scipy("L-BFGS-B"),
    "conjugate gradients": with_scipy("CG"),
    "Adam": adam,
}


def main(size: int) -> list[Row]:
    rng = np.random.default_rng(TUNE["solvers"])
    table = culture((size, size), rng=rng, margin_um=165.0)
    ds = acquire(table, (size, size), rng=rng, instrument="plain")
    true = ds["truth_opd"].values
    rows = []
    for evaluations in (20, 100):
        for name, solve in SOLVERS.items():
            misfit = Misfit(torch.from_numpy(ds["hologram"].values), PAPER_SETUP)
            start = time.perf_counter()
            phase, _ = solve(misfit, evaluations)
            seconds = time.perf_counter() - start
            opd = misfit.crop(phase).numpy() * misfit.reference_um * 1e3 / (2 * math.pi)
            label = f"{name}, {evaluations} evaluations"
            rows += [
                row(f"{label}: OPD RMSE", rmse(opd, true), "nm", None, SOURCE),
                row(
                    f"{label}: SSIM",
                    ssim(opd, true, data_range=float(np.ptp(true))),
                    "1",
                    None,
                    SOURCE,
                ),
                row(f"{label}: time", seconds, "s", None, SOURCE),
            ]
    return rows


if __name__ == "__main__":
    args = arguments(__doc__)
    report(main(192 if args.quick else 384), args)
