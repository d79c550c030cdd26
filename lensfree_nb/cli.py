"""The command ``lensfree``, for machines without a notebook."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Lens-free microscopy.")


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("demo_output"),
) -> None:
    """Run the whole line on an embedded, simulated example."""
    from lensfree_nb.demo import run_demo

    run_demo(out, say=typer.echo)


@app.command()
def versions() -> None:
    """Print what is installed here."""
    from lensfree_nb.versions import show_versions

    show_versions()
