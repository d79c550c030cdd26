"""Put the committed results into words. Run by `make figures`.

README gets a table of the methods, between its markers, and which bars each benchmark holds;
`docs/figures.md` gets every figure.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from _harness import ROOT
from _scenes import ADHERENT, CROWDED

RESULTS, FIGURES = ROOT / "benchmarks" / "results", Path("docs", "figures.md")
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
HEAD = "| figure | data | value | unit | bar | holds |\n|---|---|---|---|---|---|"
# How much README tells of what a benchmark does not hold.
MOST_TOLD = 8
RECONSTRUCTION, PRESET = "reconstruction", "paper"
COLUMNS = {
    "RMSE (nm)": "rmse_nm", "SSIM (range of the truth)": "ssim", "thick cells recovered": "thick",
    "background SD (nm)": "background_sd_nm", "time a field (s)": "time a field",
}  # fmt: skip
Record = dict[str, Any]


def line(row: Record) -> str:
    """One figure as a line of a Markdown table."""
    value = f"{row['value']:.4g}" if isinstance(row["value"], float) else row["value"]
    holds = {True: "yes", False: "**no**", None: ""}[row["holds"]]
    name, data = row["name"].replace("|", "\\|"), row["source"].split(";")[0]
    return f"| {name} | {data} | {value} | {row['unit']} | {row['bar'] or ''} | {holds} |"


def command(name: str, record: Record) -> str:
    """What printed the figures; older records do not say it themselves."""
    return str(record.get("command", f"python benchmarks/{name}.py"))


def section(name: str, record: Record) -> str:
    """One result file: what has a bar at once, the rest to unfold."""
    barred, free = (
        [line(row) for row in record["rows"] if (row["bar"] is not None) is with_bar]
        for with_bar in (True, False)
    )
    made = f"`{command(name, record)}`, {_machine(record['machine'])}, at {_commits(record)}"
    parts = [f"## {name.replace('_', ' ').capitalize()}", made]
    if barred:
        parts.append("\n".join([HEAD, *barred]))
    if free:
        rest = "\n".join([HEAD, *free])
        summary = "figures without a bar" if barred else "figures"
        parts.append(f"<details><summary>{summary}</summary>\n\n{rest}\n\n</details>")
    return "\n\n".join(parts)


def _commits(record: Record) -> str:
    """At which commit; of each part, where they differ."""
    commits = record.get("commits", {})
    if len(set(commits.values())) < 2:
        return str(record["commit"])
    return ", ".join(f"{commit} ({part})" for part, commit in commits.items())


def methods(record: Record) -> str:
    """Every method on every scene, as the microscope of the paper would see it."""
    values = {row["name"]: float(row["value"]) for row in record["rows"]}
    head = ["simulated scene", "method", *COLUMNS]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for name in values:
        where, _, figure = name.partition(": ")
        scene, _, method = where.partition(f", {PRESET}, ")
        if method and figure == next(iter(COLUMNS.values())):
            told = " | ".join(f"{values[f'{where}: {column}']:.3g}" for column in COLUMNS.values())
            lines.append(f"| {scene} | `{method}` | {told} |")
    return "\n".join(lines)


def bars(records: dict[str, Record]) -> str:
    """How many bars each benchmark holds, and the first that it does not; each line once."""
    lines = ["| benchmark | bars held | not held |", "|---|---|---|"]
    for name, record in records.items():
        barred = [row for row in record["rows"] if row["bar"] is not None]
        missed = [
            f"{row['name']}: {float(row['value']):.4g} ({row['bar']})"
            for row in barred
            if not row["holds"]
        ]
        held = f"{len(barred) - len(missed)} of {len(barred)}" if barred else "none set"
        if len(missed) > MOST_TOLD:
            rest = f"{len(missed) - MOST_TOLD} more, all in [docs/figures.md](docs/figures.md)"
            missed = [*missed[:MOST_TOLD], rest]
        lines.append(f"| `{command(name, record)}` | {held} | {'; '.join(missed)} |")
    return "\n".join(dict.fromkeys(lines))


def committed() -> dict[str, Record]:
    """Every committed result, by the name of its benchmark."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))}


def figures_page(records: dict[str, Record]) -> str:
    """Everything, as `docs/figures.md` holds it."""
    every = "\n\n".join(section(name, record) for name, record in records.items())
    return f"# Every figure\n\nMade by `make figures`.\n\n{every}\n"


def _machine(said: dict[str, Any]) -> str:
    """In a line; older records do not tell the instructions."""
    processor = " with ".join(filter(None, [said["processor"], said.get("instructions")]))
    return ", ".join(filter(None, [said.get("gpu"), processor, _cores(said["cores"])]))


def _cores(number: int) -> str:
    return f"{number} core{'s' * (number != 1)}"


def with_figures(readme: str, records: dict[str, Record]) -> str:
    """README with its part between the markers made anew."""
    shown = records[RECONSTRUCTION]
    made = (
        f"Made by `python benchmarks/{RECONSTRUCTION}.py`, preset `{PRESET}`, on"
        f" {_cores(shown['machine']['cores'])}, shared, of fields of {ADHERENT.size_px} px a side"
        f" (adherent) and {CROWDED.size_px} px (the others); 25 µm at the border, where light from"
        " beyond the sensor is missing, are left out."
    )
    link = f"All figures: [{FIGURES}]({FIGURES})."
    body = "\n\n".join([methods(shown), made, bars(records), link])
    start, stop = readme.index(BEGIN) + len(BEGIN), readme.index(END)
    return f"{readme[:start]}\n\n{body}\n\n{readme[stop:]}"


if __name__ == "__main__":
    (ROOT / FIGURES).write_text(figures_page(committed()))
    page = ROOT / "README.md"
    page.write_text(with_figures(page.read_text(), committed()))
