"""Everything a training run knows, in one safetensors file: no pickle."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from lensfree_nb.errors import ModelError
from lensfree_nb.nets.registry import readable

Parts = Mapping[str, Mapping[str, Tensor]]


def save_checkpoint(path: Path, parts: Parts, said: Mapping[str, Any]) -> None:
    """Write named sets of tensors and whatever JSON holds; never leaves half a file."""
    tensors = {
        f"{part}/{name}": tensor.detach().cpu().contiguous()
        for part, named in parts.items()
        for name, tensor in named.items()
    }
    beside = path.with_suffix(".writing")
    save_file(tensors, beside, {"said": json.dumps(said)})
    readable(beside)
    os.replace(beside, path)


def load_checkpoint(
    path: Path, needed: Sequence[str] = (), needed_parts: Sequence[str] = ()
) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
    """What was saved.

    Raises
    ------
    ModelError
        If the file is damaged, says nothing of what is `needed`, or lacks a set of tensors.
    """
    parts: dict[str, dict[str, Tensor]] = {}
    try:
        with safe_open(path, framework="pt") as file:
            said = dict(json.loads((file.metadata() or {})["said"]))
            if lacking := sorted(set(needed) - set(said)):
                raise KeyError(f"no {', '.join(lacking)}")
            for key in file.keys():  # noqa: SIM118 (not a mapping)
                part, name = key.split("/", 1)
                parts.setdefault(part, {})[name] = file.get_tensor(key)
        if lacking := sorted(set(needed_parts) - set(parts)):
            raise KeyError(f"no {', '.join(lacking)}")
    except (SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
        raise ModelError(
            f"{path.name} is no checkpoint ({error}); remove it to start anew"
        ) from error
    return parts, said
