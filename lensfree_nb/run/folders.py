"""Folders for results: made, and found writable, before any work is done."""

from __future__ import annotations

import os
from pathlib import Path

from lensfree_nb.errors import WritingError


def made_folder(path: str | os.PathLike[str]) -> Path:
    """The folder, made where it is missing.

    Raises
    ------
    WritingError
        If it cannot be made, is a file, or may not be written to.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WritingError(
            f"{folder} cannot be made a folder for results ({error.strerror}); give another"
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise WritingError(f"{folder} may not be written to; give another folder")
    return folder
