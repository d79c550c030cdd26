import json
import subprocess
import sys

import pytest

from lensfree_nb.errors import ParameterError
from lensfree_nb.train import card
from lensfree_nb.train.recipe import read_recipe
from lensfree_nb.train.run import train_recipe

SMALL = """
purpose = "Nothing: a test."
task = "reconstruct"
[network]
kind = "unet"
features = 24
depth = 3
[data]
seed = 1_000_000
validation_seed = 1_900_001
field_px = 128
patch_px = 64
shelf_fields = 2
validation_fields = 1
bank_cells = 40
[schedule]
steps = 2
batch = 1
validate_every = 1
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(SMALL)
    return path


def test_a_start_is_taken_once_and_the_card_says_so(recipe, tmp_path):
    said = []
    made = train_recipe(recipe, tmp_path / "out", start="accelerate", say=said.append)
    command = json.loads(made.with_suffix(".json").read_text())["training"]["command"]
    assert command == "lensfree train mine.toml --start WEIGHTS"
    assert not any("goes on from" in line for line in said)
    train_recipe(recipe, tmp_path / "out", start="accelerate", say=said.append)
    assert any("goes on from mine.checkpoint.safetensors" in line for line in said)


@pytest.mark.parametrize(("old", "new"), [("shelf_fields = 2", "shelf_fields = 0"),
                                          ("[schedule]", "reuse = 0\n[schedule]")])  # fmt: skip
def test_data_that_cannot_be_made_are_refused(recipe, tmp_path, old, new):
    recipe.write_text(SMALL.replace(old, new))
    with pytest.raises(ParameterError, match=r"is 0; it must be a (whole )?number >=? [01]"):
        train_recipe(recipe, tmp_path / "out")


def test_a_card_names_no_stranger_s_commit(tmp_path, monkeypatch):
    package = tmp_path / "site" / "lensfree_nb" / "train"
    package.mkdir(parents=True)
    card._git(tmp_path, "init", "--quiet")
    monkeypatch.setattr(card, "__file__", str(package / "card.py"))
    card.write_card(tmp_path / "card.json", read_recipe("unwrap"), {}, "0", {})
    assert json.loads((tmp_path / "card.json").read_text())["made_with"]["commit"] is None


def test_too_little_time_for_a_validation_keeps_what_was_done(recipe, tmp_path):
    said = []
    kept = train_recipe(recipe, tmp_path / "out", minutes=0, device="cpu", say=said.append)
    assert kept.name == "mine.checkpoint.safetensors"
    assert kept.is_file()
    assert "run again" in said[-1]
    assert train_recipe(recipe, tmp_path / "out", device="cpu").name == "mine.safetensors"


def test_the_bare_command_says_what_is_wrong_and_no_more():
    found = subprocess.run(
        [sys.executable, "-m", "lensfree_nb.train.run", "nothing"], capture_output=True, text=True
    )
    assert found.returncode == 2
    assert found.stderr.startswith("error: recipe is 'nothing'; use accelerate")
