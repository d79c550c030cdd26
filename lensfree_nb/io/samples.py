"""Public real data for tutorials and checks: where they are, and that they are what they were.

Nothing of it is part of the package: a file is taken from the folder that the environment variable
``LENSFREE_DATA`` names, or else downloaded once from its public repository, and its
sha256 is checked either way. Each is under its own licence.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lensfree_nb.errors import OpeningError, ParameterError

_RAW: Final = "https://raw.githubusercontent.com"
_BEADS: Final = (
    f"{_RAW}/csleemooo/Deep_learning_based_on_parameterized_physical_forward_model_for_adaptive_"
    "holographic_imaging/c03cdccd7423b9de5246ba31be1985b03b77400a/dataset/polystyrene_bead/test"
)
_PLANKTON: Final = (
    f"{_RAW}/softmatterlab/Quantitative-Microplankton-Tracker/"
    "0a452d8c98f796104f75442d2ad27a168ab0fa9a/data"
)
_ODTBRAIN: Final = f"{_RAW}/RI-imaging/ODTbrain/f7bb8b792bad8ae78ea885758a801c52dfea44ad"


@dataclass(frozen=True)
class Sample:
    """One public file.

    Attributes
    ----------
    path : str
        Below the folder of ``LENSFREE_DATA``.
    url, sha256, licence, cite : str
    """

    path: str
    url: str
    sha256: str
    licence: str
    cite: str


def _bead(distance_mm: int, sha256: str) -> Sample:
    return Sample(
        f"holograms/beads_and_red_blood_cells/polystyrene_bead/holography_z{distance_mm}mm.mat",
        f"{_BEADS}/holography/{distance_mm}/holography{distance_mm - 4}.mat",
        sha256,
        "Apache-2.0",
        "C. Lee et al., Nat. Mach. Intell. 5, 35-45 (2023)",
    )


SAMPLES: Final = {
    "beads_z7mm": _bead(7, "688eb2c5a1e5fcfe9992923c70cabdfe32eda3105e686b2472fdcaab17e23570"),
    "beads_z9mm": _bead(9, "4622a645812963126450adb7e8c99b4ac6e23e0f1d4fc0694a9ca77eaea17d21"),
    "beads_z11mm": _bead(11, "fc5620669753a251d85868756a5df8a3e572a2cb6eada2477e4b6ebf09d85593"),
    "beads_z13mm": _bead(13, "c65677ac890993337b0b95b675d2af26983fefa24de93ea1bee6ed3a44b3175e"),
    "beads_z15mm": _bead(15, "5b958470c720f91c9adc7bd740599103bfe97affa2248a3d2af78f7f9edbc27c"),
    "beads_z17mm": _bead(17, "c72a3e88b47910989cb74e4f10be21c85e5e5b9aab2fa7bf577e2c6610a21004"),
    "plankton": Sample(
        "holograms/plankton_lensfree/fig1_data.npy",
        f"{_PLANKTON}/data_figure1/fig1_data.npy",
        "2b905b92ae88e30d609830ee6cd8d38d9e966119be79654665aa14c51a8fb00f",
        "MIT",
        "Bachimanchi et al., eLife 11:e79760 (2022)",
    ),
    "hl60_opd_views": Sample(
        "holograms/hl60_opd_views/qlsi_3d_hl60-cell_A140.tar.lzma",
        f"{_ODTBRAIN}/examples/data/qlsi_3d_hl60-cell_A140.tar.lzma",
        "c2df6f138c35a966269c682b34ab3b66afbabcaf6d83dadd4f2e7938075c265d",
        "BSD-3-Clause",
        "RI-imaging, ODTbrain",
    ),
}


def sample_path(name: str) -> Path:
    """Local path of a public sample, its checksum checked; downloaded where it is not there.

    Parameters
    ----------
    name : str
        One of ``SAMPLES``.

    Raises
    ------
    ParameterError
        If there is no such sample.
    OpeningError
        If the file is not what it should be, or cannot be downloaded.
    """
    if name not in SAMPLES:
        raise ParameterError(f"name is {name!r}; the samples are {', '.join(SAMPLES)}")
    sample = SAMPLES[name]
    folder = os.environ.get("LENSFREE_DATA")
    if folder:
        local = Path(folder).expanduser() / sample.path
        if local.is_file():
            if _sha256(local) != sample.sha256:
                raise OpeningError(f"{local} has not the sha256 of {name!r}; delete it")
            return local
    return _download(name, sample)


def _download(name: str, sample: Sample) -> Path:
    import pooch

    try:
        return Path(
            pooch.retrieve(
                sample.url,
                known_hash=f"sha256:{sample.sha256}",
                fname=f"{name}{''.join(Path(sample.path).suffixes[-2:])}",
                path=pooch.os_cache("lensfree_nb"),
            )
        )
    except Exception as error:  # requests' errors, or pooch's ValueError on a wrong checksum
        raise OpeningError(
            f"{name!r} could not be downloaded from {sample.url} ({error}); download it by hand "
            f"to <folder>/{sample.path} and set LENSFREE_DATA to that folder"
        ) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
