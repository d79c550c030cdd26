"""Images sorted and restored step by step, each step also a line of code."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lensfree_nb.errors import DataError, OpeningError
from lensfree_nb.io.export import safe_name
from lensfree_nb.io.images import SUFFIXES, open_images
from lensfree_nb.io.write_images import write_images
from lensfree_nb.refocus.restore import restore
from lensfree_nb.refocus.sort import MADE as VERDICTS
from lensfree_nb.refocus.sort import sort
from lensfree_nb.run.folders import made_folder
from lensfree_nb.train.train_sorter import train_sorter

FOCUS, RESTORE = "focus", "restore"
IMAGES, RESULTS, SORTER = "images", "results", "sorter.safetensors"
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

        Raises
        ------
        OpeningError
            If it is no image that can be read; then it is not kept.
        """
        stem, suffix = os.path.splitext(name)
        if suffix.lower() not in SUFFIXES:
            raise OpeningError(f"{name} is not understood; use {', '.join(SUFFIXES)}")
        path = made_folder(self.folder / IMAGES) / f"{safe_name(stem)}{suffix.lower()}"
        path.write_bytes(content)
        try:
            open_images(path)
        except OpeningError:
            path.unlink()
            raise
        self.open(path.parent)

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
        self.images = sort(self._given(), self.sorter).compute()
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
        written = write_images(self._given(), folder)
        what = [name for name in ORDER[:-1] if name in self._steps and name != "sorter"][-1]
        self._say(WRITTEN, f"lf.write_images({what}, {str(folder)!r})")
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
