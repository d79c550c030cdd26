"""Put the committed results into README, between its markers. Run by `make figures`."""

from __future__ import annotations

import json
from typing import Any

from _harness import ROOT

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
HEAD = "| figure | data | value | unit | bar | holds |\n|---|---|---|---|---|---|"


def line(row: dict[str, Any]) -> str:
    """One figure as a line of a Markdown table."""
    value = f"{row['value']:.4g}" if isinstance(row["value"], float) else row["value"]
    holds = {True: "yes", False: "**no**", None: ""}[row["holds"]]
    name, data = row["name"].replace("|", "\\|"), row["source"].split(";")[0]
    return f"| {name} | {data} | {value} | {row['unit']} | {row['bar'] or ''} | {holds} |"


def section(name: str) -> str:
    """One result file: what has a bar at once, the rest to unfold."""
    record = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())
    barred, free = (
        [line(row) for row in record["rows"] if (row["bar"] is not None) is with_bar]
        for with_bar in (True, False)
    )
    parts = [f"### {name.replace('_', ' ').capitalize()}", f"`python benchmarks/{name}.py`"]
    if barred:
        parts.append("\n".join([HEAD, *barred]))
    if free:
        rest = "\n".join([HEAD, *free])
        summary = "figures without a bar" if barred else "figures"
        parts.append(f"<details><summary>{summary}</summary>\n\n{rest}\n\n</details>")
    return "\n\n".join(parts)


if __name__ == "__main__":
    readme = ROOT / "README.md"
    text = readme.read_text()
    names = sorted(path.stem for path in (ROOT / "benchmarks" / "results").glob("*.json"))
    body = "\n\n".join(section(name) for name in names)
    start, stop = text.index(BEGIN) + len(BEGIN), text.index(END)
    readme.write_text(text[:start] + "\n" + body + "\n" + text[stop:])
