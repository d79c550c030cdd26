"""Networks by name or by file: what they are, that they are whole, and loading them once.

A network is a safetensors file whose header says how it is built, and a card (JSON, of the same
name) that says what it was trained on and how well it does. Nothing in either is ever executed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lensfree_nb.errors import ModelError, ParameterError
from lensfree_nb.nets.header import check_corrects, check_header

if TYPE_CHECKING:
    import torch
    from torch import nn

WEIGHTS: Final = Path(__file__).resolve().parents[1] / "weights"
SUFFIX: Final = ".safetensors"
HEADER: Final = "lensfree_nb"
CONTENT: Final = "content_sha256"
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "plain": ("features", "layers"), "unet": ("features", "depth"),
    "folded": ("features", "depth", "fold", "saturating", "maxima", "corrects", "adds"),
    "grader": ("features", "depth", "fold"), "sdcnn": ("features",), "resnet50v2": ("features",),
    "valid_unet": ("features",), "resunet": ("features",),
    "octaves": ("features", "depth", "fold", "octaves"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A network, named: what a task graph carries in its place.

    Parameters
    ----------
    name : str
        Of a network of the package, or the path of a weight file.
    sha256 : str
        Of the weight file.
    built : str
        JSON of how it is built and what it takes: ``kind``, its options, and the task's own.
    """

    name: str
    sha256: str
    built: str

    @property
    def path(self) -> Path:
        """Where the weights lie on this machine."""
        return _path(self.name)

    @property
    def options(self) -> dict[str, Any]:
        """How the network is built and what it takes."""
        return dict(json.loads(self.built))

    def __dask_tokenize__(self) -> tuple[str, str]:
        return ("lensfree_nb.nets.ModelSpec", self.sha256)


def shipped() -> tuple[str, ...]:
    """Names of the networks that come with the package."""
    return tuple(sorted(path.stem for path in WEIGHTS.glob(f"*{SUFFIX}")))


def find_model(name: str | Path) -> ModelSpec:
    """The network of a name or file, checked: torch is not needed for that.

    Parameters
    ----------
    name : str or Path
        One of :func:`shipped`, or the path of a ``.safetensors`` file.

    Raises
    ------
    ModelError
        If there is no such network, its file is damaged, was not made by this package, or is not
        the one that its card describes.
    """
    from safetensors import SafetensorError, safe_open

    name = str(name)
    path = _path(name)
    if not path.is_file():
        raise _missing(name)
    digest = _sha256(path)
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
        built = json.loads(header[HEADER])
        if built["kind"] not in KINDS:
            raise KeyError(built["kind"])
        if missing := sorted({"inputs", "outputs", "halo_px"} - set(built)):
            raise KeyError(", ".join(missing))
        check_header(built)
    except (SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
        raise ModelError(
            f"{path.name} is damaged, or no network of this package ({error}); fetch it again"
        ) from error
    described = read_card(name).get("sha256", digest)
    if described != digest:
        raise ModelError(
            f"{path.name} is not the file that its card describes (sha256 {digest[:12]}..., card "
            f"{str(described)[:12]}...); fetch both again"
        )
    return ModelSpec(str(path.resolve()) if name.endswith(SUFFIX) else name, digest, header[HEADER])


def find_model_for(network: str | Path | ModelSpec, tasks: Sequence[str]) -> ModelSpec:
    """As :func:`find_model`, of a network that is for one of these tasks.

    Raises
    ------
    ModelError
        As of :func:`find_model`.
    ParameterError
        If it is for something else.
    """
    spec = network if isinstance(network, ModelSpec) else find_model(network)
    if spec.options.get("task") not in tasks:
        raise ParameterError(
            f"network {spec.name} is for {spec.options.get('task')}; needed is one for "
            f"{' or '.join(tasks)}"
        )
    return spec


def read_card(name: str | Path) -> dict[str, Any]:
    """What is known of a network: data, seeds, command, scores, limits; empty without a card.

    Raises
    ------
    ModelError
        If the card cannot be read.
    """
    path = _path(str(name)).with_suffix(".json")
    if not path.is_file():
        return {}
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path.name} cannot be read as a card ({error})") from error
    if not isinstance(card, dict):
        raise ModelError(f"{path.name} is no card: it must hold one JSON object")
    return card


@lru_cache(maxsize=8)
def load_network(spec: ModelSpec, device: str) -> nn.Module:
    """The network itself, ready to be used; loaded once a process and device.

    Raises
    ------
    ModelError
        If the file changed since it was named, or its tensors are not the network's.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    if not spec.path.is_file():
        raise ModelError(f"{spec.path} is not there any more, or not on this machine")
    # Read once, and not mapped: what is written over the file later must not reach the network.
    held = spec.path.read_bytes()
    if _digest(held) != spec.sha256:
        raise ModelError(f"{spec.path.name} is not the file that was named: it has changed")
    try:
        network, tensors = build_network(spec.options, device="meta"), load(held)
        network.load_state_dict(tensors, assign=True)
    except (SafetensorError, RuntimeError, TypeError, ValueError) as error:
        raise ModelError(
            f"{spec.path.name} does not hold the weights of its network ({error})"
        ) from error
    kinds = {str(part.dtype) for part in tensors.values() if part.is_floating_point()}
    if kinds != {"torch.float32"}:
        raise ModelError(f"{spec.path.name} holds {', '.join(sorted(kinds))}; use float32")
    if spec.options.get(CONTENT) not in (None, _content(tensors)):
        raise ModelError(f"{spec.path.name} is damaged: its numbers changed after it was written")
    if int(spec.options["halo_px"]) < int(network.halo_px):  # type: ignore[arg-type]
        raise ModelError(
            f"{spec.path.name} says that it sees {spec.options['halo_px']} px far, its network "
            f"sees {network.halo_px}: it was changed by hand"
        )
    if not all(bool(part.isfinite().all()) for part in network.state_dict().values()):
        raise ModelError(f"{spec.path.name} holds weights that are not finite")
    # The layout in which convolutions are quickest, also where an image of one channel tells none.
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network.eval().requires_grad_(False)


def build_network(options: Mapping[str, Any], device: str = "cpu") -> nn.Module:
    """An untrained network from ``kind``, ``inputs``, ``outputs`` and the options of its kind.

    Raises
    ------
    ParameterError
        If it is to correct more images than it takes or gives.
    """
    import torch

    from lensfree_nb.nets.folded import FoldedUNet
    from lensfree_nb.nets.grader import Grader
    from lensfree_nb.nets.octaves import OctaveUNet
    from lensfree_nb.nets.plain import Plain
    from lensfree_nb.nets.resnet import ResNet50V2
    from lensfree_nb.nets.resunet import ResUNet, ValidUNet
    from lensfree_nb.nets.sdcnn import SDCNN
    from lensfree_nb.nets.unet import UNet

    kinds: dict[str, Callable[..., nn.Module]] = {
        "plain": Plain, "unet": UNet, "folded": FoldedUNet, "sdcnn": SDCNN,
        "grader": Grader, "resnet50v2": ResNet50V2, "valid_unet": ValidUNet, "resunet": ResUNet,
        "octaves": OctaveUNet,
    }  # fmt: skip
    kind = kinds[options["kind"]]
    own = {name: int(options[name]) for name in KINDS[options["kind"]] if name in options}
    check_corrects(options)
    with torch.device(device):
        return kind(int(options["inputs"]), int(options["outputs"]), **own)


def save_network(network: nn.Module, options: Mapping[str, Any], path: Path) -> ModelSpec:
    """Write weights, how they are built and how far they see; returns the network, named."""
    from safetensors.torch import save_file

    tensors = {
        name: part.detach().cpu().contiguous() for name, part in network.state_dict().items()
    }
    halo = int(network.halo_px)  # type: ignore[arg-type]
    said = {**options, "halo_px": halo, CONTENT: _content(tensors)}
    built = json.dumps(said, sort_keys=True)
    save_file(tensors, path, {HEADER: built})
    readable(path)
    return ModelSpec(str(path.resolve()), _sha256(path), built)


def readable(path: Path) -> None:
    """Let others read a file, as far as files of this account are open to them."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)


def _content(tensors: Mapping[str, torch.Tensor]) -> str:
    """Sha256 of names and numbers: what tells a flipped byte where no card does."""
    found = hashlib.sha256()
    for name, part in sorted(tensors.items()):
        found.update(f"{name} {part.dtype} {tuple(part.shape)}".encode())
        found.update(part.numpy().tobytes())
    return found.hexdigest()


def _path(name: str) -> Path:
    if name.endswith(SUFFIX):
        return Path(name).expanduser()
    if name not in shipped():
        raise _missing(name)
    return WEIGHTS / f"{name}{SUFFIX}"


def _missing(name: str) -> ModelError:
    return ModelError(
        f"network is {name!r}: there is no such file; use {', '.join(shipped())}, or the path "
        f"of a {SUFFIX} file"
    )


def _sha256(path: Path) -> str:
    return _digest(path.read_bytes())


def _digest(held: bytes) -> str:
    return hashlib.sha256(held).hexdigest()
