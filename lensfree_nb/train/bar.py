"""A bar of steps in a notebook and in a terminal; nothing where there is no tqdm."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def steps_bar(label: str, steps: int, done: int) -> Iterator[Callable[[int, float], None]]:
    """Gives what is called with the number of steps done and the loss."""
    try:
        from tqdm.auto import tqdm
    except ImportError:
        yield lambda step, loss: None
        return
    watched = "ipykernel" in sys.modules or sys.stderr.isatty()
    with tqdm(total=steps, initial=done, desc=label, disable=not watched) as bar:

        def show(step: int, loss: float) -> None:
            bar.update(step - bar.n)
            bar.set_postfix(loss=f"{loss:.4f}", refresh=False)

        yield show
