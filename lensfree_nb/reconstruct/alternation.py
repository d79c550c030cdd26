"""Inversion, network, inversion: what the light says, what cells look like, what the light says.

The alternation of Allier 2022 §2.2. The first inversion is short and may be caught in a wrong
multiple of the wavelength; the network, which has seen what cells look like, sets that right; the
second starts from there and answers to the data again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor
from torch.nn.functional import pad

from lensfree_nb.errors import ParameterError
from lensfree_nb.microscope import Setup
from lensfree_nb.nets.registry import ModelSpec
from lensfree_nb.nets.symmetry import SYMMETRIES, turned, turned_back
from lensfree_nb.nets.units import OPD_UNIT_NM
from lensfree_nb.reconstruct.defocus import PLACES_UM
from lensfree_nb.reconstruct.methods import Estimate, Inverse, Pair, estimate, started
from lensfree_nb.reconstruct.misfit import Misfit
from lensfree_nb.reconstruct.network_check import channel_order
from lensfree_nb.reconstruct.network_input import network_input
from lensfree_nb.reconstruct.solver import Weights
from lensfree_nb.run.networks import Precision, apply_network, check_precision
from lensfree_nb.run.tiles import ALIGNMENT

# Chosen on scenes of the tuning seed (benchmarks/tuning.py): a network that has drawn twice, in
# all orientations, is to be trusted more than one that has drawn once.
FIRST = Inverse(10)
LAST_WEIGHTS = Weights(smoothness=0.004, sparsity=0.0003, relax=1.0, prior=0.3)
SHORT = Inverse(10, LAST_WEIGHTS, proximal_steps=1)
LONG = Inverse(153, replace(LAST_WEIGHTS, prior=1.0))


@dataclass(frozen=True, slots=True)
class Alternation:
    """A short inversion, a network, and an inversion that starts from what it made.

    Parameters
    ----------
    network : ModelSpec
        Takes ``network_input`` (or its first two channels), gives OPD (100 nm) and absorption.
    last : Inverse
        The last inversion; its ``background_px`` holds for all. Of no iteration: none.
    first : Inverse
        The first. Networks are trained on what this one makes.
    between : Inverse
        Between two passes of the network.
    passes : int
        How often the network draws. A second pass begins from a better estimate than the first.
    views : int
        In how many of the eight orientations it draws each time; their mean is taken.
    precision : {"auto", "float32", "bfloat16"}
        Of the network's layers.
    """

    network: ModelSpec
    last: Inverse = SHORT
    first: Inverse = FIRST
    between: Inverse = SHORT
    passes: int = 1
    views: int = 1
    precision: Precision = "auto"

    def __post_init__(self) -> None:
        """Refuse what is no precision, and more orientations than there are."""
        check_precision(self.precision)
        if not 1 <= self.views <= SYMMETRIES:
            raise ParameterError(f"views is {self.views}; it must lie between 1 and {SYMMETRIES}")

    def reach_px(self, fringes_px: int) -> int:
        """How far beyond a tile it must see: what its stages need, added up.

        Inversions after the network begin near their end, and need the fringes' reach but once.
        """
        network = int(self.network.options["halo_px"])
        return self.first.reach_px(fringes_px) + self.passes * (network + fringes_px)

    @property
    def background_px(self) -> float | None:
        """Scale of the fitted slow background (px)."""
        return self.last.background_px

    def __call__(self, hologram: Tensor, setup: Setup, start: Tensor | None = None) -> Estimate:
        """Reconstruct one frame: hologram (exposure, y, x), any scale, NaN where unknown.

        The first inversion starts from OPD (nm) and absorption, (2, y, x), where they are given.
        """
        misfit, found = self.drawn(hologram, setup, start, dust=True)
        refocused = tuple(misfit.unexplained(*found, PLACES_UM))
        if self.last.iterations:
            found = self.last.solve(misfit, found)
        return replace(estimate(misfit, *found), refocused=refocused)

    def drawn(
        self, hologram: Tensor, setup: Setup, start: Tensor | None = None, *, dust: bool = False
    ) -> tuple[Misfit, Pair]:
        """What the network makes of a frame (exposure, y, x) before the last inversion.

        With `dust` it begins anew where light is missed that no cell can take away.
        """
        misfit = self.last.misfit(hologram, setup)
        begin = started(misfit, start)
        drawing = self.corrected(misfit, self.first.solve(misfit, begin))
        if dust and misfit.forget(misfit.missed(*drawing)):
            drawing = self.corrected(misfit, self.first.solve(misfit, begin))
        for _ in range(self.passes - 1):
            drawing = self.corrected(misfit, self.between.solve(misfit, drawing))
        return misfit, drawing

    def redrawn(self, misfit: Misfit, pair: Pair) -> Pair:
        """What a next pass of the network begins from."""
        return self.between.solve(misfit, self.corrected(misfit, pair))

    def corrected(self, misfit: Misfit, pair: Pair) -> Pair:
        """The padded phase (rad) and absorption, with the network's answer over the sensor."""
        order = channel_order(self.network, misfit.setup)
        images = network_input(misfit, *pair, order)[: int(self.network.options["inputs"])]
        made = self._seen(images, 0)
        for view in range(1, self.views):
            made += self._seen(images, view)
        made /= self.views
        phase, absorption = (part.clone() for part in pair)
        misfit.crop(phase).copy_(made[0] * (OPD_UNIT_NM / misfit.opd_nm_a_rad))
        misfit.crop(absorption).copy_(made[1])
        if self.last.weights.positive:
            phase.clamp_(min=0)
        return phase, absorption.clamp_(min=0)

    def _seen(self, images: Tensor, view: int) -> Tensor:
        """What the network makes of images in one orientation, in the first.

        Whole blocks of the tiles' grid are turned, so that its lines stay where they are.
        """
        height, width = images.shape[-2:]
        more = (0, -width % ALIGNMENT, 0, -height % ALIGNMENT)
        given = turned(pad(images[None], more, mode="replicate")[0] if view else images, view)
        made = apply_network(self.network, given, precision=self.precision)
        return turned_back(made, view)[..., :height, :width]


def reference(network: ModelSpec) -> Alternation:
    """10 iterations, network, 153 iterations (Allier 2022; the numbers' order is our reading).

    Of the 153 only those that move something; held by the network's answer, a fifth at most.
    Past the paper, the network draws in all orientations, and twice where it has learned to.
    """
    passes = int(network.options.get("passes", 1))
    return Alternation(network, LONG, _first(network), passes=passes, views=SYMMETRIES)


def accelerated(network: ModelSpec) -> Alternation:
    """10 iterations, network, 10 iterations with one proximal step each (Allier 2022)."""
    return Alternation(network, first=_first(network))


def _first(network: ModelSpec) -> Inverse:
    """As long an inversion as the network learned from."""
    return replace(FIRST, iterations=int(network.options.get("iterations", FIRST.iterations)))
