"""The command ``lensfree``, for machines without a notebook."""

from __future__ import annotations

import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lensfree_nb.errors import LensfreeError

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Lens-free microscopy.")


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("demo_output"),
) -> None:
    """Run the whole line on an embedded, simulated example."""
    from lensfree_nb.demo import run_demo

    run_demo(out, say=typer.echo)


class Preset(StrEnum):
    """Which simulated microscope."""

    ideal = "ideal"
    plain = "plain"
    paper = "paper"
    harsh = "harsh"


class Format(StrEnum):
    """What holograms are written as."""

    tiff = "tiff"
    zarr = "zarr"


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="Folder for holograms and truth.")] = Path("simulated"),
    frames: Annotated[int, typer.Option(min=1, help="How many frames.")] = 3,
    height: Annotated[int, typer.Option(min=32, help="Rows of the sensor (px).")] = 2748,
    width: Annotated[int, typer.Option(min=32, help="Columns of the sensor (px).")] = 3840,
    density: Annotated[float, typer.Option(help="Cells per mm² at the start.")] = 183.0,
    interval: Annotated[float, typer.Option(help="Minutes between frames.")] = 10.0,
    preset: Annotated[Preset, typer.Option(help="Which microscope.")] = Preset.paper,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    format: Annotated[Format, typer.Option(help="One TIFF a frame and colour, or a store.")] = (
        Format.tiff
    ),
) -> None:
    """Write simulated holograms of a living culture as an instrument would, their truth beside."""
    from lensfree_nb.pipeline.simulated_files import write_simulated

    try:
        written = write_simulated(
            out, format.value, shape=(height, width), frames=frames, density_per_mm2=density,
            interval_min=interval, instrument=preset.value, seed=seed, say=typer.echo,
        )  # fmt: skip
    except LensfreeError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    typer.echo(f"simulated: {written}")


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="A recipe of the package, or a .toml of your own.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoint, weights, card.")] = Path(
        "trained"
    ),
    minutes: Annotated[float, typer.Option(min=0, help="Stop after; go on when run again.")] = (
        math.inf
    ),
    start: Annotated[
        str, typer.Option(help="Weights to start from: a name, or a .safetensors file.")
    ] = "",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
) -> None:
    """Train a network of the package, or your own; run again to go on where it stopped."""
    from lensfree_nb.train.run import train_recipe

    try:
        written = train_recipe(
            recipe, out, minutes=minutes, start=start or None, device=device, say=typer.echo
        )
    except LensfreeError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    typer.echo(f"written: {written}")


@app.command()
def versions() -> None:
    """Print what is installed here."""
    from lensfree_nb.versions import show_versions

    show_versions()
