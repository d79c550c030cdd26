import pytest

from lensfree_nb.train import tasks
from tests.train.doubling import Double


@pytest.fixture
def doubling(monkeypatch):
    """Doubling is a task like any other."""
    monkeypatch.setitem(tasks.TASKS, "double", Double)
