import hashlib
import re

import pytest

from lensfree_nb.errors import OpeningError, ParameterError
from lensfree_nb.io import samples
from lensfree_nb.io.samples import SAMPLES, Sample, sample_path


def test_a_local_copy_is_checked(tmp_path, monkeypatch):
    content = b"light"
    entry = Sample(
        "a/b.npy", "https://example.invalid/b.npy", hashlib.sha256(content).hexdigest(), "", ""
    )
    monkeypatch.setitem(samples.SAMPLES, "toy", entry)
    monkeypatch.setenv("LENSFREE_DATA", str(tmp_path))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.npy").write_bytes(content)
    assert sample_path("toy") == tmp_path / "a" / "b.npy"
    (tmp_path / "a" / "b.npy").write_bytes(b"dark")
    with pytest.raises(OpeningError, match="sha256"):
        sample_path("toy")


def test_otherwise_it_is_downloaded(tmp_path, monkeypatch):
    asked = {}

    def retrieve(url, known_hash, fname, path):
        asked.update(url=url, known_hash=known_hash, fname=fname)
        return str(tmp_path / fname)

    monkeypatch.delenv("LENSFREE_DATA", raising=False)
    monkeypatch.setattr("pooch.retrieve", retrieve)
    assert sample_path("plankton") == tmp_path / "plankton.npy"
    assert asked["known_hash"] == "sha256:" + SAMPLES["plankton"].sha256
    assert "0a452d8c98f796104f75442d2ad27a168ab0fa9a" in asked["url"]

    def fail(**_):
        raise OSError("no network")

    monkeypatch.setattr("pooch.retrieve", lambda *a, **k: fail())
    with pytest.raises(OpeningError, match="set LENSFREE_DATA"):
        sample_path("plankton")


def test_unknown_names():
    with pytest.raises(ParameterError, match="plankton"):
        sample_path("../secrets")


URL = re.compile(
    r"https://raw\.githubusercontent\.com/(?P<repository>[\w.-]+/[\w.-]+)/(?P<commit>[0-9a-f]{40})/"
    r"(?P<path>[\w.-]+(/[\w.-]+)*)"
)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_urls_pin_a_commit(name):
    assert URL.fullmatch(SAMPLES[name].url)
    assert re.fullmatch("[0-9a-f]{64}", SAMPLES[name].sha256)
    assert SAMPLES[name].licence
    assert SAMPLES[name].cite


@pytest.mark.data
@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_urls_are_those_of_the_data_sheet(name, data_folder):
    sheet = (data_folder / "SOURCES.md").read_text(encoding="utf-8")
    found = URL.fullmatch(SAMPLES[name].url)
    assert f"`{found['repository']}` @ {found['commit']}" in sheet
    assert SAMPLES[name].licence.removesuffix("-Clause") in sheet


@pytest.mark.data
@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_the_real_files_are_what_is_registered(name, data_folder, monkeypatch):
    monkeypatch.setenv("LENSFREE_DATA", str(data_folder))
    assert sample_path(name).is_relative_to(data_folder)
