import pytest

from lensfree_nb.errors import ParameterError
from lensfree_nb.train.recipe import read_recipe, recipe_names
from tests import seeds

GOOD = """
purpose = "p"
task = "reconstruct"
[network]
kind = "unet"
[data]
seed = 1
[schedule]
steps = 3
batch = 2
"""


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_learn_from_training_seeds(name):
    data = read_recipe(name).data
    assert data["seed"] in seeds.TRAIN
    assert data["validation_seed"] in seeds.TRAIN
    assert data["seed"] != data["validation_seed"]


def test_recipes_do_not_share_what_they_learn_from():
    given = [read_recipe(name).data["seed"] for name in recipe_names()]
    assert len(set(given)) == len(given)


def test_a_recipe_of_ones_own(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    recipe = read_recipe(path)
    assert (recipe.name, recipe.schedule.steps) == ("mine", 3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("= 3", "no TOML in UTF-8"),
        (GOOD.replace("[network]", "[networks]"), "has no networks; did you mean network"),
        (GOOD.replace('task = "reconstruct"', 'task = ["reconstruct"]'), "it must be a text"),
        ("purpose = 'p'", "schedule"),
        (GOOD.replace("steps", "stops"), "stops"),
        (GOOD.replace('task = "reconstruct"\n', ""), "task"),
        ("colour = 'red'\n" + GOOD, "colour"),
        (GOOD.replace("steps = 3", "steps = 0"), "steps is 0; it must be a whole number >= 1"),
        (GOOD.replace("steps = 3", 'steps = "3"'), "steps is '3'; it must be a whole number"),
        (GOOD + "validate_every = 0\n", "validate_every is 0"),
        (GOOD + "average = 1.0\n", "average is 1.0; it must lie below 1"),
        (GOOD.replace('kind = "', 'kind = "x'), "network.kind is 'x.*; use plain, unet"),
        (GOOD.replace("kind = ", "kinds = "), "network.kind is None"),
        (GOOD.replace("[network]", "[network]\nfeaturs = 4"), "network has no featurs; a"),
        (GOOD.replace("[network]", "[network]\ndepth = 6"), "takes 32 px at a time"),
        (GOOD.replace("[network]", "[network]\ndepth = 30"), "depth is 30; .* and <= 10"),
        (GOOD + "clip = 0\n", "clip is 0; it must be a number > 0"),
        (GOOD + "learning_rate = 0.0\n", "learning_rate is 0.0; it must be a number > 0"),
    ],
)
def test_what_is_no_recipe_is_refused(tmp_path, text, words):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ParameterError, match=words):
        read_recipe(path)


@pytest.mark.parametrize("name", ["nothing", "../../etc/passwd", "none.toml"])
def test_a_missing_recipe_is_named_with_those_that_there_are(name):
    with pytest.raises(ParameterError, match=r"use accelerate, change, focus, measure"):
        read_recipe(name)


def test_a_file_in_another_encoding_is_refused(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes(GOOD.encode() + "# für mich".encode("latin-1"))
    with pytest.raises(ParameterError, match="no TOML in UTF-8"):
        read_recipe(path)
