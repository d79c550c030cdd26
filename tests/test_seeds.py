"""Every seed belongs to one family."""

import ast
from itertools import combinations
from pathlib import Path

import pytest

from benchmarks import _seeds as benchmarks
from tests import seeds

ROOT = Path(__file__).parents[1]
MAKERS = ("default_rng", "manual_seed", "rng")
TESTS = sorted((ROOT / "tests").rglob("*.py"))
SCRIPTS = sorted((ROOT / "benchmarks").glob("*.py"))


def literal_seeds(path):
    """Seeds given as a number to whatever makes random numbers, or to a name with SEED in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            given = [*node.args, *(k.value for k in node.keywords)] if name in MAKERS else []
        elif isinstance(node, ast.Assign):
            named = any("SEED" in ast.unparse(target) for target in node.targets)
            given = [node.value] if named else []
        else:
            continue
        for value in given:
            numbers = (n.value for n in ast.walk(value) if isinstance(n, ast.Constant))
            yield from (number for number in numbers if isinstance(number, int))


def test_the_families_do_not_overlap():
    families = (set(seeds.TRAIN), seeds.TUNE, seeds.TEST, seeds.FOLDS)
    assert all(families)
    assert not any(one & other for one, other in combinations(families, 2))
    assert all(seed in seeds.TRAIN for seed in benchmarks.TRAIN.values())


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_tests_use_test_seeds(path):
    assert set(literal_seeds(path)) <= seeds.TEST


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_benchmarks_name_their_seeds_in_one_place(path):
    assert list(literal_seeds(path)) == []


def test_a_stray_seed_is_seen(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("SEED, STEPS = 2748, 0.5\nrng = np.random.default_rng(seed=3)\nf(rng(401))")
    assert sorted(literal_seeds(script)) == [3, 401, 2748]
