from types import SimpleNamespace

import pytest

pytest.importorskip("distributed")

from lensfree_nb.run.task_count import TaskCount, counted


def test_own_tasks_count_once_however_they_end():
    plugin = TaskCount("mine")
    scheduler = SimpleNamespace(plugins={plugin.name: plugin})
    plugin.update_graph(scheduler, client="mine", tasks=["a", "b", "c"], annotations={})
    plugin.update_graph(scheduler, client="another", tasks=["d"])
    plugin.transition("a", "processing", "memory")
    plugin.transition("a", "released", "memory")  # lost with its worker, and run again
    plugin.transition("b", "processing", "erred")
    plugin.transition("c", "waiting", "processing")
    plugin.transition("d", "processing", "memory")
    assert counted(plugin.name, dask_scheduler=scheduler) == (2, 3)


def test_each_counter_has_a_name_of_its_own():
    assert TaskCount("mine").name != TaskCount("mine").name
