"""One loop for every network of the package."""

from __future__ import annotations

import copy
import dataclasses
import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from lensfree_nb.errors import ExecutionError, ParameterError
from lensfree_nb.nets.registry import SUFFIX, ModelSpec, build_network, save_network
from lensfree_nb.run.devices import choose_device
from lensfree_nb.run.networks import has_bfloat16
from lensfree_nb.train.bar import steps_bar
from lensfree_nb.train.card import write_card
from lensfree_nb.train.checkpoint import load_checkpoint, save_checkpoint
from lensfree_nb.train.optimiser import optimiser_for, remembered, remind
from lensfree_nb.train.recipe import Recipe
from lensfree_nb.train.spread import settle_spread, telling_spread
from lensfree_nb.train.start import weights_for
from lensfree_nb.train.tasks import Task, make_task

Say = Callable[[str], None]
SECONDS_BETWEEN_CHECKPOINTS = 120.0
BESIDE_SCORES = ("step", "seconds", "training_loss")


@dataclasses.dataclass
class Training:
    """A network on its way, which can be left and taken up again at any step.

    Parameters
    ----------
    recipe : Recipe
        What is trained.
    checkpoint : Path
        Where all is kept; taken up from there if it exists.
    device : str
        Where torch works.
    say : callable
        Takes a line at every validation.
    task : Task, optional
        What is learned; that of the recipe where none is given.

    Attributes
    ----------
    step : int
        Steps done.
    history : list of dict
        Scores of every validation, with its step and the seconds of training so far.
    started_from : str or None
        Sha256 of the weights that it began with.
    """

    recipe: Recipe
    checkpoint: Path
    device: str = "auto"
    say: Say = print
    task: Task | None = None
    step: int = dataclasses.field(default=0, init=False)
    seconds: float = dataclasses.field(default=0.0, init=False)
    history: list[dict[str, float | None]] = dataclasses.field(default_factory=list, init=False)
    started_from: str | None = dataclasses.field(default=None, init=False)
    _between_steps: bool = dataclasses.field(default=True, init=False)

    def __post_init__(self) -> None:
        """Build, or take up."""
        self._task = self.task or make_task(self.recipe, self.device)
        self.options = {**self.recipe.network, **self._task.options()}
        self._on = choose_device(self.device)
        torch.manual_seed(int(self.recipe.data["seed"]))
        self.network = build_network(self.options).to(self._on)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = _copy(self.network)
        self.best = _copy(self.network)
        schedule = self.recipe.schedule
        if schedule.spread_steps or schedule.spread_fields:
            telling_spread(self._task)
        self.optimiser = optimiser_for(self.network.parameters(), schedule)
        self._validation: list[tuple[Tensor, Tensor]] = []
        if self.checkpoint.is_file():
            self._take_up()

    @property
    def finished(self) -> bool:
        """Whether all steps are done, or nothing was gained for long."""
        waited = len(self.history) - 1 - self._best_at() if self.history else 0
        return self.step >= self.recipe.schedule.steps or waited >= self.recipe.schedule.patience

    def run(self, minutes: float = math.inf) -> None:
        """Go on until finished, interrupted, or the time is up; then keep everything.

        Raises
        ------
        ExecutionError
            If the loss is no number any more; what was kept before stays.
        """
        try:
            self._learn(minutes)
        except KeyboardInterrupt:
            if self._between_steps:
                self._keep()
                self.say(f"{self.recipe.name}: kept at step {self.step}; run again to go on")
            raise
        self._keep()

    def _learn(self, minutes: float) -> None:
        start = kept = time.perf_counter()
        before, every = self.seconds, self.recipe.schedule.validate_every
        with steps_bar(self.recipe.name, self.recipe.schedule.steps, self.step) as bar:
            while not self.finished and time.perf_counter() - start < 60 * minutes:
                loss = self._advance()
                if not math.isfinite(loss):
                    raise self._diverged(f"the loss of step {self.step} is {loss}")
                bar(self.step, loss)
                self.seconds = before + time.perf_counter() - start
                if self.step % every == 0 or self.step == self.recipe.schedule.steps:
                    self._validate(loss)
                    kept = -math.inf
                if time.perf_counter() - kept > SECONDS_BETWEEN_CHECKPOINTS:
                    self._keep()
                    kept = time.perf_counter()

    def start_from(self, spec: ModelSpec) -> None:
        """Take the weights of another network; no later ones count that do worse.

        Raises
        ------
        ParameterError
            If it is built in another way (:func:`~lensfree_nb.train.start.weights_for`).
        """
        told = [n for n in self.options if n in ("inputs", "outputs", *self.recipe.network)]
        weights = weights_for(self.recipe.name, self.network, self.options, spec, told)
        for mine in (self.network, self.average, self.best):
            mine.load_state_dict(weights)
        self.started_from = spec.sha256
        self.say(f"{self.recipe.name}: first the scores of the weights that it starts from")
        self._validate(None)

    def export(self, folder: Path) -> Path:
        """Write the best weights so far, and a card beside them; returns the weights' path.

        Raises
        ------
        ParameterError
            If nothing was validated yet: nobody would know what they are worth.
        ExecutionError
            If no validation gave a number.
        """
        if not self.history:
            raise ParameterError(f"{self.recipe.name} was not validated yet: train it for longer")
        if self.history[-1]["step"] != self.step:  # the time was up between two
            self._validate(None)
        if self.history[self._best_at()][self._score()] is None:
            raise self._diverged("no validation gave a number")
        shipped = _copy(self.best)
        steps, fields = self.recipe.schedule.spread_steps, self.recipe.schedule.spread_fields
        stretched = settle_spread(shipped, self._task, steps, fields, self._through)
        path = folder / f"{self.recipe.name}{SUFFIX}"
        drawn = self._drawn_by(shipped)
        own = {**self._task.learned(*drawn), **stretched}
        made = save_network(shipped, {**self.options, **own}, path)
        again = _told(self._task.scores(*drawn)) if steps or fields else {}
        scores = {**self.history[self._best_at()], **again}
        said = {
            "steps": self.step, "minutes": round(self.seconds / 60, 1), "validation": scores,
            "validation_curve": self.history, "started_from": self.started_from,
        }  # fmt: skip
        write_card(path.with_suffix(".json"), self.recipe, made.options, made.sha256, said)
        return path

    def _diverged(self, how: str) -> ExecutionError:
        return ExecutionError(
            f"{self.recipe.name} diverged: {how}. Lower learning_rate and begin anew, without its "
            "checkpoint"
        )

    def _advance(self) -> float:
        schedule = self.recipe.schedule
        for group in self.optimiser.param_groups:
            group["lr"] = schedule.learning_rate * schedule.pace(self.step)
        inputs, truth = self._task.batch(self.step, schedule.batch)
        self.network.train()
        found = self._through(self.network, inputs)
        loss = self._task.loss(found, truth.to(self._on))
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), schedule.clip)
        self._between_steps = False
        self.optimiser.step()
        self.step += 1
        self._follow()
        self._between_steps = True
        return float(loss.detach())

    def _through(self, network: nn.Module, inputs: Tensor) -> Tensor:
        given = inputs.to(self._on).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self._on.type, torch.bfloat16, enabled=has_bfloat16(self._on)):
            found: Tensor = network(given)
        return found.float()

    @torch.no_grad()
    def _follow(self) -> None:
        """The average follows the weights: fast at first, slowly later."""
        keep = min(self.recipe.schedule.average, self.step / (self.step + 10))
        for mine, new in zip(
            self.average.state_dict().values(), self.network.state_dict().values(), strict=True
        ):
            if mine.is_floating_point():
                mine.lerp_(new, 1 - keep)
            else:
                mine.copy_(new)

    @torch.no_grad()
    def _drawn_by(self, network: nn.Module) -> tuple[Tensor, Tensor]:
        """What a network makes of the validation's inputs, and the truth."""
        self._validation = self._validation or self._task.validation()
        network.eval()
        found = torch.cat([self._through(network, inputs) for inputs, _ in self._validation])
        return found, torch.cat([truth.to(self._on) for _, truth in self._validation])

    def _validate(self, loss: float | None) -> None:
        scores = self._task.scores(*self._drawn_by(self.average))
        told = dict(zip(BESIDE_SCORES, (self.step, self.seconds, loss), strict=True))
        told |= _told(scores)
        self.history.append(told)
        if self._best_at() == len(self.history) - 1:
            self.best.load_state_dict(self.average.state_dict())
        words = (f"{name} {value:.4g}" for name, value in told.items() if value is not None)
        self.say(f"{self.recipe.name}: {', '.join(words)}")

    def _score(self) -> str:
        """What the best weights are chosen by: the first of the task's own scores."""
        return next(name for name in self.history[0] if name not in BESIDE_SCORES)

    def _best_at(self) -> int:
        chosen_by = self._score()

        def badness(number: int) -> float:
            score = self.history[number][chosen_by]
            return math.inf if score is None or math.isnan(score) else score

        return min(range(len(self.history)), key=badness)

    def _keep(self) -> None:
        parts = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "best": self.best.state_dict(),
            **remembered(self.optimiser),
        }
        said = {
            "step": self.step, "seconds": self.seconds, "history": self.history,
            "recipe": dataclasses.asdict(self.recipe), "started_from": self.started_from,
            "options": self.options,
        }  # fmt: skip
        save_checkpoint(self.checkpoint, parts, said)

    def _take_up(self) -> None:
        parts, said = load_checkpoint(
            self.checkpoint, ("recipe", "step", "seconds", "history"),
            ("network", "average", "best"),
        )  # fmt: skip
        for part in ("network", "data", "task"):
            if said["recipe"][part] != getattr(self.recipe, part):
                raise ParameterError(
                    f"{self.checkpoint} is of a recipe with another {part}; remove it, or choose "
                    "another folder"
                )
        if said["recipe"]["schedule"].get("optimiser") != self.recipe.schedule.optimiser:
            raise ParameterError(
                f"{self.checkpoint} is of a recipe with another optimiser; remove it, or choose "
                "another folder"
            )
        if said.get("options", self.options) != self.options:
            raise ParameterError(
                f"{self.checkpoint} learned from another draft than is here now; remove it, or "
                "choose another folder"
            )
        for name, network in (
            ("network", self.network), ("average", self.average), ("best", self.best),
        ):  # fmt: skip
            network.load_state_dict(parts.pop(name))
        remind(self.optimiser, parts)
        self.step, self.seconds, self.history = said["step"], said["seconds"], said["history"]
        self.started_from = said.get("started_from")


def _told(scores: dict[str, float]) -> dict[str, float | None]:
    """JSON has no word for what is no number: of cells that the validation does not hold."""
    return {name: value if math.isfinite(value) else None for name, value in scores.items()}


def _copy(network: nn.Module) -> nn.Module:
    return copy.deepcopy(network).requires_grad_(False)
