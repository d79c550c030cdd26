import os

import pytest

from lensfree_nb.errors import WritingError
from lensfree_nb.run import folders


def test_a_folder_is_made_with_those_above_it(tmp_path):
    made = folders.made_folder(tmp_path / "day 1" / "well A3")
    assert made.is_dir()
    assert folders.made_folder(str(made)) == made


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "results").write_text("what was found before")
    with pytest.raises(WritingError, match="cannot be made a folder"):
        folders.made_folder(tmp_path / "results")
    with pytest.raises(WritingError, match="cannot be made a folder"):
        folders.made_folder(tmp_path / "results" / "deeper")
    assert (tmp_path / "results").read_text() == "what was found before"


def test_a_folder_of_others_is_told_before_the_work(tmp_path, monkeypatch):
    # Root may write anywhere, so the system is asked in its stead.
    monkeypatch.setattr(folders.os, "access", lambda path, mode: not mode & os.W_OK)
    with pytest.raises(WritingError, match="may not be written to"):
        folders.made_folder(tmp_path)
