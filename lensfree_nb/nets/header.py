"""What the header of a weight file may say: numbers that a network can be built and read by."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, pairwise
from typing import Any, Final

from lensfree_nb.checks import check_choice, check_count, check_number
from lensfree_nb.errors import ParameterError

# What a header may ask for: more is a slip, or a trap that takes all memory.
MOST: Final[Mapping[str, int]] = {
    "features": 1024, "layers": 200, "depth": 10, "fold": 16, "saturating": 8, "maxima": 8,
    "corrects": 8, "adds": 1, "octaves": 8, "passes": 100, "iterations": 10_000, "inputs": 64,
    "outputs": 64, "halo_px": 10_000,
}  # fmt: skip
MAYBE_0: Final = ("saturating", "maxima", "corrects", "adds", "halo_px")
# What a network says of errors that grow, and with what they may.
GROWS: Final = "se_grows"
GROWS_WITH: Final = ("residual", "density_per_mm2")
# By what the errors of each metric are multiplied; and of networks that draw discs alone, how much
# each of the ways to read a disc counts.
SE_FACTOR: Final = "se_factor"
# How images are made as large as a network wants them.
FITS, MOST_SIDE_PX = ("resize", "crop"), 10_000
WEIGHTS, READINGS, MOST_WEIGHT = "disc_weights", 3, 100.0


def check_header(built: Mapping[str, Any]) -> None:
    """Whether a network can be built by what a header says, and what it draws be read.

    Parameters
    ----------
    built : mapping
        As of ``nets.registry.ModelSpec.options``.

    Raises
    ------
    ParameterError, KeyError, TypeError, ValueError
        If not.
    """
    for number, most in MOST.items():
        check_count(number, built.get(number, 1), int(number not in MAYBE_0), most)
    check_corrects(built)
    _check_trained_on(built.get("trained_on", {}))
    _check_measures(built)
    _check_sorts(built)


def check_corrects(options: Mapping[str, Any]) -> None:
    """Whether there are as many images as are corrected.

    Raises
    ------
    ParameterError
        If there are fewer.
    """
    most = min(int(options["inputs"]), int(options["outputs"]))
    if int(options.get("corrects", 0)) > most:
        raise ParameterError(
            f"corrects is {options['corrects']}; the network has {most} to correct"
        )


def _check_trained_on(said: Any) -> None:
    """Whether what a header says of the training can be read as numbers."""
    if not isinstance(said, dict):
        raise TypeError("trained_on")
    for number in (*said.get("wavelength_nm", ()), said.get("pixel_size_um", 1.0)):
        check_number("trained_on: wavelength_nm or pixel_size_um", number, open_low=True)
    for name in ("noise_nm", "background_nm"):
        check_number(f"trained_on: {name}", said.get(name, 0.0))
    low, high = said.get("distance_um", (0.0, 0.0))
    check_number("trained_on: distance_um", low)
    check_number("trained_on: distance_um", high, low)


def _check_measures(built: Mapping[str, Any]) -> None:
    """Whether what a header says of measurements can be used."""
    metrics = list(built.get("metrics", []))
    if not all(isinstance(metric, str) for metric in metrics):
        raise TypeError("metrics")
    check_number("least", built.get("least", 0.5), high=1.0, open_low=True)
    grows, factors, weights = (_of_metrics(built, name) for name in (GROWS, SE_FACTOR, WEIGHTS))
    reach = _of_metrics(dict(built.get("trained_on", {})), "range")
    for metric, factor in factors.items():
        check_number(f"{SE_FACTOR} of {metric}", factor, open_low=True)
    for metric, each in weights.items():
        check_count(f"{WEIGHTS} of {metric}: how many", len(each), READINGS, READINGS)
        for weight in each:
            check_number(f"{WEIGHTS} of {metric}", weight, -MOST_WEIGHT, MOST_WEIGHT)
    for name, term in grows.items():
        check_choice(GROWS, name, GROWS_WITH)
        low, high = term["range"]
        check_number(f"{name}: range", low, open_low=True)
        check_number(f"{name}: range", high, low)
        check_number(f"{name}: typical", term["typical"], low, high)
        for metric, power in _of_metrics(term, "power").items():
            check_number(f"{name}: power of {metric}", power)
    for metric, (low, high) in reach.items():
        check_number(f"range of {metric}", high, low + 0.0)
    powers = [term["power"] for term in grows.values()]
    # Networks that measure nothing name no metrics.
    for metric in {*factors, *weights, *reach, *chain(*powers)} if metrics else ():
        check_choice("a metric that is told of", metric, metrics)


def _check_sorts(built: Mapping[str, Any]) -> None:
    """Whether what a header says of grades of focus can be used."""
    if built.get("side_px") is not None:
        check_count("side_px", built["side_px"], 1, MOST_SIDE_PX)
    check_choice("fit", built.get("fit", FITS[0]), FITS)
    check_number("temperature", built.get("temperature", 1.0), open_low=True)
    edges = built.get("edges")
    if edges is None:
        return
    check_count("edges: how many", len(edges), int(built["outputs"]) - 1, int(built["outputs"]) - 1)
    check_count("edges: how many", len(edges), 2)
    for low, high in pairwise([0.0, *edges]):
        check_number("edges", high, low, open_low=True)
    shares = built.get("grade_shares", [1.0] * (len(edges) + 1))
    check_count("grade_shares: how many", len(shares), len(edges) + 1, len(edges) + 1)
    for share in shares:
        check_number("grade_shares", share, high=1.0, open_low=True)


def _of_metrics(said: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What is said of each, or nothing."""
    found = said.get(name, {})
    if not isinstance(found, dict):
        raise TypeError(name)
    return found
