"""Ways to restore defocused images, and the pairs that they are tried on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import xarray as xr
from _real_images import frames, out_of_focus
from _seeds import TEST, TUNE
from numpy.typing import NDArray
from skimage.metrics import peak_signal_noise_ratio

from lensfree_nb.evaluate.similarity import ssim
from lensfree_nb.nets.registry import ModelSpec
from lensfree_nb.refocus.deconvolve import deconvolved, find_psf
from lensfree_nb.refocus.restore import restore
from lensfree_nb.refocus.sort import sort
from lensfree_nb.simulate.focus_stack import CONDITIONS, DEFOCUS_UM, focus_stack

Image = NDArray[np.floating]
BLURRED, DECONVOLVED, OURS = "blurred", "Richardson-Lucy", "restore"
REAL_UM: Final = (5.0, 10.0, 20.0)
SIDE_PX, SMALL_PX, TUNED_PX = 512, 128, 192
SIGMAS_PX, ITERATIONS = (0.5, 1.0, 1.5, 2.0, 3.0, 5.0), (2, 5, 10, 20)
TUNED_ON: Final = (0, 8, 9, 17)


class Pair(NamedTuple):
    """An image out of focus and the same in it, on one scale; how far, and what it is of."""

    blurred: Image
    focused: Image
    defocus_um: float
    what: str


Restorer = Callable[[Pair], Image]


class Likeness(NamedTuple):
    """Over the range of the focused image."""

    ssim: float
    psnr_db: float


def likeness(image: Image, focused: Image) -> Likeness:
    """`data_range` is the largest less the smallest value of the focused image."""
    span = float(np.ptp(focused))
    psnr = peak_signal_noise_ratio(focused, image, data_range=span)
    return Likeness(ssim(image, focused, data_range=span), float(psnr))


def simulated(side_px: int, device: str, *, tuning: bool = False) -> Iterator[Pair]:
    """A field of each condition, in the planes of Xue 2021; some of other seeds, to tune on."""
    seed = (TUNE if tuning else TEST)["focus"]
    for number in TUNED_ON if tuning else range(len(CONDITIONS)):
        objective, rng = CONDITIONS[number].objective, np.random.default_rng([seed, number])
        planes = tuple(z for z in DEFOCUS_UM[objective] if z)
        ds = field_in_planes(number, rng, side_px, planes, device)
        truth = ds["truth_image"].values[0]
        for z, image in zip(planes, ds["image"].values[:, 0], strict=True):
            yield Pair(image, truth, z, f"simulated, {objective}")


def field_in_planes(
    number: int, rng: np.random.Generator, side_px: int, planes_um: Sequence[float], device: str
) -> xr.Dataset:
    """One field of a condition, and what it is in focus."""
    condition, shape = CONDITIONS[number], (side_px, side_px)
    return focus_stack(
        condition.cells(shape, rng=rng), shape, planes_um, rng=rng,
        objective=condition.objective, surface=condition.substrate, device=device,
    )  # fmt: skip


def real(part: str = "test") -> Iterator[Pair]:
    """Real frames in focus, taken out of it by a model."""
    for focused in frames_of(part):
        for z in (sign * far for far in REAL_UM for sign in (-1, 1)):
            yield Pair(out_of_focus(focused, z), focused, z, "real, 10x")


@lru_cache(maxsize=2)
def frames_of(part: str) -> list[Image]:
    """As ``_real_images.frames``."""
    from _harness import data_folder

    return frames(data_folder(), part)


def by_psf(pairs: list[Pair]) -> Restorer:
    """Deconvolution, its Gaussian found on pairs to tune on: one for each distance."""
    found = {}
    for key in {_key(pair) for pair in pairs}:
        mine = [pair for pair in pairs if _key(pair) == key]
        parts = [
            [image[:TUNED_PX, :TUNED_PX] for image in (pair.blurred, pair.focused)] for pair in mine
        ]
        blurred, focused = zip(*parts, strict=True)
        found[key] = find_psf(
            blurred, focused, data_range=float(np.mean([np.ptp(one) for one in focused])),
            sigmas_px=SIGMAS_PX, iterations=ITERATIONS,
        )  # fmt: skip
    return lambda pair: deconvolved(pair.blurred, *found[_key(pair)][:2])


def by_network(spec: ModelSpec | str, device: str) -> Restorer:
    """As a user has it: sorted first, which tells how far it is from the focus."""

    def drawn(pair: Pair) -> Image:
        ds = xr.Dataset({"image": (("y", "x"), pair.blurred)})
        found = restore(sort(ds, device=device), spec, everything=True, device=device)
        return found["restored"].values

    return drawn


def _key(pair: Pair) -> tuple[str, float]:
    return pair.what, abs(pair.defocus_um)
