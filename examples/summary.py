"""Prints what a first run has come to, from `evolve status --json` and `evolve exam --json`."""

import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

Report = dict[str, Any]


def population_table(status: Report) -> Table:
    population, builds = status["population"], status["builds"]
    table = Table(title=f"After {status['cycle']} cycles", show_header=False, min_width=52)
    table.add_row("births", str(population["born"]))
    table.add_row("deaths", str(population["dead"]))
    table.add_row("alive", str(population["alive"]))
    table.add_row("generation, highest", str(status["generation"]["max"]))
    table.add_row("builds: compiled", str(builds["compiled"]))
    table.add_row("builds: reused", str(builds["reused"]))
    table.add_row("builds: failed", str(builds["failed"]))
    table.add_row("fitness now: best", number(status["fitness"]["best"]))
    table.add_row("fitness now: mean", number(status["fitness"]["mean"]))
    table.add_row("fitness of the founders: best", number(status["fitness"]["founders_best"]))
    table.add_row("fitness of the founders: mean", number(status["fitness"]["founders_mean"]))
    table.add_row("sandbox", str(status["sandbox"]).partition(":")[0])
    table.add_row("history digest", str(status["history_digest"])[:16])
    return table


def exam_table(exam: Report) -> Table:
    table = Table(title="The exam: started afresh on values nobody has seen", min_width=52)
    for column in ("", "median skill", "median error"):
        table.add_column(column, justify="right" if column else "left")
    for who in ("founders", "living", "persistence"):
        row = exam[who]
        table.add_row(who, number(row["median_s"]), number(row["median_error"]))
    return table


def number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def main() -> None:
    project = Path(sys.argv[1])
    status = json.loads((project / "workspace" / "status.json").read_text())
    exam = json.loads((project / "workspace" / "exam.json").read_text())
    console = Console(highlight=False)
    console.print()
    console.print(population_table(status))
    console.print()
    console.print(exam_table(exam))
    gain = (exam["living"]["median_s"] or 0.0) - (exam["founders"]["median_s"] or 0.0)
    console.print(f"\nThe living are ahead of the founders by {gain:+.3f} (skill .5: persistence).")
    console.print("\nWhere to look next:")
    for command in ("status", "agents", "show ID"):
        console.print(f"  .venv/bin/evolve {command} --project {project}")
    console.print(f"  {project}/logs/events.jsonl: everything that happened, a line each")
    console.print(f"  {project}/evolve.toml: all settings, explained")


if __name__ == "__main__":
    main()
