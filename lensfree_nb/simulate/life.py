"""How a culture lives: cells wander, grow, round up, divide, die, and stop where it is crowded.

The whole history follows from a seed. It is worked out once, step by step, for positions and ages
alone; what a frame looks like is drawn when that frame is asked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lensfree_nb.errors import ParameterError
from lensfree_nb.simulate.crowding import crowding, parting

Floats = NDArray[np.float64]
DYING_H: Final = 3.0
BORN_APART_UM: Final = 18.0
LONGEST_STEP_MIN: Final = 15.0
# How long after its birth a cell goes on spreading, however crowded it is (h).
SPREADING_H: Final = 2.0


@dataclass(frozen=True, slots=True)
class Habits:
    """How the cells of a culture behave.

    Parameters
    ----------
    doubling_h : float
        Time from birth to division (h), where there is room; each cell's own varies by a tenth.
    speed_um_per_h, persistence_h : float
        Of the persistent random walk: root mean square speed, and how long a direction lasts.
    rounding_h : float
        How long a cell is round before it divides (h); its daughters are for half as long.
    death_per_day : float
        Share of the cells that die in a day.
    crowded_per_mm2 : float
        Density around which cells stop dividing, and slow down.
    """

    doubling_h: float = 20.0
    speed_um_per_h: float = 12.0
    persistence_h: float = 1.5
    rounding_h: float = 0.8
    death_per_day: float = 0.03
    crowded_per_mm2: float = 700.0

    def __post_init__(self) -> None:
        """Refuse what no culture does."""
        for name in ("doubling_h", "persistence_h", "rounding_h", "crowded_per_mm2"):
            if not 0 < getattr(self, name) < np.inf:
                raise ParameterError(f"{name} is {getattr(self, name)}; it must be > 0")
        for name in ("speed_um_per_h", "death_per_day"):
            if not 0 <= getattr(self, name) < np.inf:
                raise ParameterError(f"{name} is {getattr(self, name)}; it must be >= 0")
        if self.rounding_h >= self.doubling_h / 2:
            raise ParameterError("rounding_h must be well below doubling_h")


@dataclass(frozen=True, slots=True)
class Moment:
    """The cells alive in one frame: arrays of one length.

    Parameters
    ----------
    track, parent : ndarray of int
        Number of each cell, the same through its life, and of its mother (-1 for founders).
    founder : ndarray of int
        Row of the founders' table whose shape it has inherited.
    y_um, x_um, angle_rad : ndarray
        Where it is, and which way it points.
    age, cycle_h : ndarray
        Share of its cycle that is over (1 divides), and how long the cycle takes with room.
    birth_mass : ndarray
        Dry mass at birth, over that of its founder in the table.
    dying : ndarray
        Share of its death that is over; 0 for the living.
    velocity : ndarray, shape (n, 2)
        Of its walk (µm/h); not kept in a history.
    """

    track: NDArray[np.int64]
    parent: NDArray[np.int64]
    founder: NDArray[np.int64]
    y_um: Floats
    x_um: Floats
    angle_rad: Floats
    age: Floats
    cycle_h: Floats
    birth_mass: Floats
    dying: Floats
    velocity: Floats

    @property
    def mass(self) -> Floats:
        """Dry mass over that of the founder in the table: doubles over a cycle."""
        return np.asarray(self.birth_mass * 2**self.age)

    def chosen(self, which: NDArray[np.generic]) -> Moment:
        """Some of the cells."""
        return Moment(*(getattr(self, name)[which] for name in Moment.__dataclass_fields__))

    def followed_by(self, others: Moment) -> Moment:
        """These cells and others after them."""
        return Moment(
            *(
                np.concatenate([getattr(self, name), getattr(others, name)])
                for name in Moment.__dataclass_fields__
            )
        )


@dataclass(frozen=True, slots=True)
class History:
    """A culture's life, kept small: 24 bytes a cell and frame, and its lines once.

    Parameters
    ----------
    alive : list of (ndarray, ndarray)
        For each frame the tracks, and ``y_um, x_um, angle_rad, age, dying`` (n, 5; float32).
    parent, founder, cycle_h, birth_mass : ndarray
        By track.
    """

    alive: list[tuple[NDArray[np.int32], NDArray[np.float32]]]
    parent: NDArray[np.int64]
    founder: NDArray[np.int64]
    cycle_h: Floats
    birth_mass: Floats

    def __len__(self) -> int:
        """Frames."""
        return len(self.alive)

    def at(self, frame: int) -> Moment:
        """The cells alive in a frame."""
        track, state = self.alive[frame]
        y, x, angle, age, dying = state.T.astype(float)
        return Moment(
            track.astype(np.int64), self.parent[track], self.founder[track], y, x, angle, age,
            self.cycle_h[track], self.birth_mass[track], dying, np.zeros((len(track), 2)),
        )  # fmt: skip


def history(
    founders: pd.DataFrame,
    size_um: tuple[float, float],
    frames: int,
    interval_min: float,
    habits: Habits,
    rng: np.random.Generator,
) -> History:
    """The life of a culture, frame by frame.

    Parameters
    ----------
    founders : DataFrame
        The culture at the start.
    size_um : (float, float)
        The field (µm) that crowding is looked at in; cells turn back at its border.
    """
    # A walk and a death rate are only as good as their steps are small.
    steps = math.ceil(interval_min / LONGEST_STEP_MIN)
    hours = interval_min / 60 / steps
    moment = _start(founders, habits, rng)
    lines, following, alive = [moment], len(founders), []
    for frame in range(frames):
        for _ in range(steps if frame else 0):
            moment, born = _step(moment, size_um, hours, habits, following, rng)
            lines.append(born)
            following += len(born.track)
        state = (moment.y_um, moment.x_um, moment.angle_rad, moment.age, moment.dying)
        alive.append((moment.track.astype(np.int32), np.stack(state, 1).astype(np.float32)))
    kept = ("parent", "founder", "cycle_h", "birth_mass")
    return History(alive, *(np.concatenate([getattr(m, n) for m in lines]) for n in kept))


def _start(founders: pd.DataFrame, habits: Habits, rng: np.random.Generator) -> Moment:
    count = len(founders)
    # A growing population has more young cells than old: density 2^(1 - age).
    age = 1 - np.log2(1 + rng.random(count))
    return Moment(
        track=np.arange(count),
        parent=np.full(count, -1),
        founder=np.arange(count),
        y_um=founders["y_um"].to_numpy(float),
        x_um=founders["x_um"].to_numpy(float),
        angle_rad=founders["angle_rad"].to_numpy(float),
        age=np.clip(age, 0, 0.97),
        cycle_h=_cycles(count, habits, rng),
        birth_mass=2.0 ** -np.clip(age, 0, 0.97),
        dying=np.zeros(count),
        velocity=rng.normal(0, habits.speed_um_per_h / np.sqrt(2), (count, 2)),
    )


def _cycles(count: int, habits: Habits, rng: np.random.Generator) -> Floats:
    return habits.doubling_h * np.clip(rng.normal(1, 0.1, count), 0.7, 1.4)


def _step(
    now: Moment, size_um: tuple[float, float], hours: float, habits: Habits, following: int,
    rng: np.random.Generator,
) -> tuple[Moment, Moment]:  # fmt: skip
    """The cells after so many hours, and those of them that were born at the end."""
    places = np.stack([now.y_um, now.x_um], 1)
    crowd, push = crowding(places, size_um, habits.crowded_per_mm2)
    room = np.clip(2 - 2 * crowd, 0, 1)
    round_ = (1 - now.age) * now.cycle_h < habits.rounding_h
    keep = np.exp(-hours / habits.persistence_h)
    fresh = rng.normal(0, habits.speed_um_per_h / np.sqrt(2), now.velocity.shape)
    velocity = keep * now.velocity + np.sqrt(1 - keep**2) * fresh
    slow = (0.25 + 0.75 * room) * ~round_ * (now.dying == 0)
    stride = (velocity + habits.speed_um_per_h * push) * (hours * slow)[:, None]
    places = places + stride
    places += parting(places, hours)
    for axis, length in enumerate(size_um):
        outside = (places[:, axis] < 0) | (places[:, axis] > length)
        velocity[outside, axis] *= -1
        places[:, axis] = np.clip(places[:, axis], 0, length)
    heading = np.arctan2(velocity[:, 0], velocity[:, 1])
    # An axis has no front: turn by the smaller angle, a little each time.
    turn = (heading - now.angle_rad + np.pi / 2) % np.pi - np.pi / 2
    dying = np.where(now.dying > 0, now.dying + hours / DYING_H, 0.0)
    fate = rng.random(len(dying)) < habits.death_per_day * hours / 24
    dying = np.where((dying == 0) & fate, hours / DYING_H, dying)
    # Crowding stops who waits to divide, not who is dividing, or spreading after it.
    busy = round_ | ((now.parent >= 0) & (now.age * now.cycle_h < SPREADING_H))
    grown = now.age + np.where(dying > 0, 0.0, hours / now.cycle_h * np.where(busy, 1.0, room))
    moved = Moment(
        now.track, now.parent, now.founder, places[:, 0], places[:, 1],
        now.angle_rad + 0.1 * hours * turn * slow, grown, now.cycle_h, now.birth_mass,
        dying, velocity,
    )  # fmt: skip
    moved = moved.chosen(dying < 1)
    ripe = moved.age >= 1
    daughters = _daughters(moved.chosen(ripe), habits, following, rng)
    return moved.chosen(~ripe).followed_by(daughters), daughters


def _daughters(mothers: Moment, habits: Habits, following: int, rng: np.random.Generator) -> Moment:
    """Two for each mother, side by side along her axis, sharing her mass unevenly by up to 10 %."""
    count = len(mothers.track)
    twice = mothers.chosen(np.repeat(np.arange(count), 2))
    side = np.tile([1.0, -1.0], count)
    share = 0.5 + 0.5 * np.repeat(rng.uniform(-0.1, 0.1, count), 2) * side
    bearing = twice.angle_rad + np.repeat(rng.normal(0, 0.3, count), 2)
    away = np.empty((2 * count, 2))
    away[:, 0], away[:, 1] = side * np.sin(bearing), side * np.cos(bearing)
    return Moment(
        track=following + np.arange(2 * count),
        parent=twice.track,
        founder=twice.founder,
        y_um=twice.y_um + BORN_APART_UM / 2 * away[:, 0],
        x_um=twice.x_um + BORN_APART_UM / 2 * away[:, 1],
        angle_rad=bearing + np.pi / 2 * (rng.random(2 * count) < 0.5),
        age=twice.age - 1,
        cycle_h=_cycles(2 * count, habits, rng),
        birth_mass=2 * twice.birth_mass * share,
        dying=np.zeros(2 * count),
        velocity=away * habits.speed_um_per_h,
    )
