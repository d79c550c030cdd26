"""The seeds of everything random in the tests, and the families that must not overlap.

TRAIN is what networks may be trained on, TUNE what settings may be chosen on, TEST what figures
and tests may be measured on, FOLDS what is both in turn, in cross-validation. Whatever names a seed
names it here or in ``benchmarks/_seeds.py``.
"""

from benchmarks import _seeds as benchmarks
from lensfree_nb.simulate.acquisition import EXAMPLE_SEED
from lensfree_nb.simulate.dish import CULTURE_SEED

PIXELS, FRAMES, SHAPES, LIGHT, SENSOR, STACK = range(6)
CELLS, NOISE = 11, 12

TRAIN = range(1_000_000, 2_000_000)
TUNE = frozenset(benchmarks.TUNE.values())
FOLDS = frozenset(benchmarks.FOLDS.values())
TEST = frozenset({*range(100), EXAMPLE_SEED, CULTURE_SEED, *benchmarks.TEST.values()})
