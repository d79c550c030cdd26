"""Images sorted and restored step by step, each step also a line of code."""

from __future__ import annotations

import itertools
import os
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lensfree_nb.errors import DataError, OpeningError, ParameterError, QualityWarning
from lensfree_nb.io.export import safe_name
from lensfree_nb.io.images import SUFFIXES, open_images
from lensfree_nb.io.write_images import write_images
from lensfree_nb.refocus.restore import restore
from lensfree_nb.refocus.sort import MADE as VERDICTS
from lensfree_nb.refocus.sort import sort
from lensfree_nb.run.folders import made_folder
from lensfree_nb.train.train_sorter import train_sorter

FOCUS, RESTORE = "focus", "restore"
IMAGES, RESULTS, SORTER, NAMELESS = "images", "results", "sorter.safetensors", "image"
WRITTEN, RESTORED = "written", ("restored", "was_restored")
# Each step takes what the steps before it gave.
ORDER = ("images", "sorter", "sorted_images", "restored", WRITTEN)


class FocusSession:
    """What the panel does, without the panel.

    Attributes
    ----------
    images : Dataset or None
        What was given so far, with all that is known of it.
    tags : dict of str to bool
        By position: in focus or not. What is not in it is not tagged.
    sorter, restorer : str
        Networks, or files of weights.
    begun : str
        The sorter that training begins from.
    """

    def __init__(self, folder: str | os.PathLike[str]):
        self.folder = made_folder(folder)
        self.images: xr.Dataset | None = None
        self.tags: dict[str, bool] = {}
        self.sorter, self.restorer = FOCUS, RESTORE
        self.begun = self.sorter
        self._steps: dict[str, str] = {}
        if any((self.folder / IMAGES).glob("*")):
            self.open(self.folder / IMAGES)

    @property
    def lines(self) -> list[str]:
        """What was done, as code."""
        done = [
            code if name == WRITTEN else f"{name} = {code}" for name, code in self._steps.items()
        ]
        return ["import lensfree_nb as lf", *done]

    @property
    def names(self) -> list[str]:
        """Positions of the images."""
        return [] if self.images is None else [str(n) for n in self.images["position"].values]

    def add(self, name: str, content: bytes) -> None:
        """Take one more image; its file lies in the folder from then on.

        Where another image has its name it gets a number; the same one is taken once.

        Raises
        ------
        OpeningError
            If it cannot be read, holds several images, or is not as large as the others; then it
            is not kept.
        """
        stem, suffix = os.path.splitext(name)
        if suffix.lower() not in SUFFIXES:
            raise OpeningError(f"{name} is not understood; use {', '.join(SUFFIXES)}")
        folder = made_folder(self.folder / IMAGES)
        with TemporaryDirectory(dir=self.folder) as apart:
            held = Path(apart) / f"image{suffix.lower()}"
            held.write_bytes(content)
            try:
                images = open_images(held)["image"]
            except OpeningError as error:
                raise OpeningError(f"{name} cannot be read as an image; it is damaged") from error
            self._check(name, images)
            path = _free_path(folder, stem, suffix.lower(), content)
            if path is not None:
                held.replace(path)
        self.open(folder)

    def _check(self, name: str, image: xr.DataArray) -> None:
        if len(image) > 1:
            raise OpeningError(f"{name} holds {len(image)} images; export them one by one")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", QualityWarning)
            if bool(image.isnull().all()):
                raise OpeningError(f"{name} cannot be read to its end: it is damaged")
        if self.images is not None and image.shape[1:] != self.images["image"].shape[1:]:
            raise OpeningError(
                f"{name} is {image.shape[1:]}, the others are {self.images['image'].shape[1:]} "
                "(channels, rows, columns); use another folder for it"
            )

    def open(self, folder: str | os.PathLike[str]) -> None:
        """Take all images of a folder."""
        self.images = open_images(folder)
        self.tags = {name: tag for name, tag in self.tags.items() if name in self.names}
        self._say("images", f"lf.open_images({str(folder)!r})")
        if self.sorter != self.begun:
            # It was trained by images that were there before.
            self._say("sorter", repr(self.sorter))

    def tag(self, name: str, in_focus: bool | None) -> None:
        """Say whether an image is in focus; None takes it back."""
        if name not in self.names:
            raise DataError(f"there is no image {name!r}; there are {', '.join(self.names)}")
        if in_focus is None:
            self.tags.pop(name, None)
        else:
            self.tags[name] = in_focus

    def train(self, minutes: float = 1.0) -> None:
        """Go on training the sorter by the tags."""
        tags = [self.tags.get(name) for name in self.names]
        path = str(self.folder / SORTER)
        train_sorter(
            self._given(), tags, path, network=self.begun, minutes=minutes, say=lambda _: None
        )
        named = "" if self.begun == FOCUS else f", network={self.begun!r}"
        self.sorter = path
        # What the sorter before it said counts no more.
        self.images = self._given().drop_vars([*VERDICTS, *RESTORED], errors="ignore")
        said = f"lf.train_sorter(images, {tags}, {path!r}, minutes={minutes:g}{named})"
        self._say("sorter", said)

    def sort(self) -> None:
        """Which images are in focus."""
        given = self._given().drop_vars(RESTORED, errors="ignore")
        self.images = sort(given, self.sorter).compute()
        named = "sorter" if "sorter" in self._steps else repr(self.sorter)
        self._say("sorted_images", f"images.lf.sort({'' if self.sorter == FOCUS else named})")

    def restore(self, *, everything: bool = False) -> None:
        """Draw what is out of focus as in it; sort first where that was not done."""
        if "focus" not in self._given():
            self.sort()
        self.images = restore(self._given(), self.restorer, everything=everything).compute()
        named = [] if self.restorer == RESTORE else [repr(self.restorer)]
        said = ", ".join([*named, *["everything=True"][: int(everything)]])
        self._say("restored", f"sorted_images.lf.restore({said})")

    def save(self) -> list[Path]:
        """Write what there is, into the folder."""
        folder = self.folder / RESULTS
        written = write_images(self._given(), folder, overwrite=True)
        what = [name for name in ORDER[:-1] if name in self._steps and name != "sorter"][-1]
        self._say(WRITTEN, f"lf.write_images({what}, {str(folder)!r}, overwrite=True)")
        return written

    def picture(self, name: str, variable: str = "image") -> NDArray[np.floating]:
        """One image (y, x), the mean of its channels."""
        image = self._given()[variable].sel(position=name)
        return np.asarray(image.mean("channel").values)

    def _given(self) -> xr.Dataset:
        if self.images is None:
            raise DataError("there are no images yet; add some")
        return self.images

    def _say(self, name: str, code: str) -> None:
        """A step done once more takes the place of what it was; what came of that is gone."""
        later = ORDER[ORDER.index(name) :]
        self._steps = {old: told for old, told in self._steps.items() if old not in later}
        self._steps[name] = code


def _free_path(folder: Path, stem: str, suffix: str, content: bytes) -> Path | None:
    """A name that no other image has; None where the same image is there already."""
    try:
        safe = safe_name(stem)
    except ParameterError:
        safe = NAMELESS
    for number in itertools.count():
        path = folder / f"{safe}{f'_{number}' if number else ''}{suffix}"
        if not path.exists():
            return path
        if path.read_bytes() == content:
            return None
    raise AssertionError
