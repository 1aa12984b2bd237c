"""What other tools of code evolution cost without model and without work: OpenEvolve's overhead for
a candidate, and ShinkaEvolve's evaluation of a trivial program. Each in an environment of its own
below a scratch folder, or below --environments, where they are kept and found again.

`python benchmarks/improve_peers.py --json`
"""

import argparse
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from peers import NotInstalled, install
from projects import end_by_exception, scratch
from reports import printed

HERE = Path(__file__).parent
OPENEVOLVE = ("openevolve==0.4.1",)
SHINKA = ("shinka-evolve==0.0.7",)
INSTALL_SECONDS = 1200.0  # the second one has a hundred dependencies
RUN_SECONDS = 1800.0
WINDOW = 50  # candidates, over which the time between two of them is averaged


class Failed(Exception):
    """A peer that is installed does not run; the words are its own last ones."""


def environment(below: Path, name: str, requirements: Sequence[str]) -> Path:
    folder = below / name
    ready = folder / "ready"
    if ready.exists() and ready.read_text() == " ".join(requirements):
        return folder / "venv" / "bin" / "python"
    folder.mkdir(parents=True, exist_ok=True)
    python = install(folder, requirements, INSTALL_SECONDS)
    ready.write_text(" ".join(requirements))
    return python


def told(python: Path, script: str, folder: Path, *numbers: int) -> dict[str, Any]:
    """The JSON that a script of ours prints, run by the peer's Python in a folder of its own."""
    folder.mkdir()
    argv = [str(python), str(HERE / script), str(folder), *map(str, numbers)]
    done = subprocess.run(
        argv, cwd=folder, capture_output=True, text=True, timeout=RUN_SECONDS, check=False
    )
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        raise Failed(f"{script}: {' '.join(done.stderr.split())[-300:]}")
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def openevolve(python: Path, folder: Path, counts: Sequence[int], workers: int) -> list[Any]:
    rows = []
    for count in counts:
        found = told(python, "peer_openevolve.py", folder / f"openevolve-{count}", count, workers)
        at = found["evaluated_at"]
        window = min(WINDOW, len(at) - 1)
        rows.append(
            {
                "candidates": found["candidates"],
                "workers": workers,
                "cpu_ms": round(1000 * found["cpu_seconds"] / found["candidates"], 2),
                "first_ms": round(1000 * (at[window] - at[0]) / window, 2),
                "last_ms": round(1000 * (at[-1] - at[-1 - window]) / window, 2),
            }
        )
    return rows


def shinka(python: Path, folder: Path, count: int, workers: int) -> dict[str, Any]:
    found = told(python, "peer_shinka.py", folder / "shinka", count, workers)
    return {
        name: {
            "evaluations": row["evaluations"],
            "right": row["right"],
            "workers": workers,
            "per_second": round(row["evaluations"] / row["seconds"], 2),
            "cpu_ms": round(1000 * row["cpu_seconds"] / row["evaluations"], 1),
        }
        for name, row in found.items()
    }


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--candidates", type=int, nargs="+", default=[100, 500])
    parser.add_argument("--evaluations", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--environments", type=Path, help="keep the environments here")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    return parser.parse_args()


def main() -> None:
    asked = parsed()
    end_by_exception()
    with printed(when=asked.json) as report, scratch("bench-improve-peers-") as folder:
        kept = (asked.environments or folder / "environments").resolve()
        try:
            python = environment(kept, "openevolve", OPENEVOLVE)
            report["openevolve"] = openevolve(python, folder, asked.candidates, asked.workers)
        except (NotInstalled, Failed) as error:
            report["openevolve"] = {"missing": str(error)}
        try:
            python = environment(kept, "shinka", SHINKA)
            report["shinka"] = shinka(python, folder, asked.evaluations, asked.workers)
        except (NotInstalled, Failed) as error:
            report["shinka"] = {"missing": str(error)}
    if not asked.json:
        for name, found in report.items():
            for row in found if isinstance(found, list) else [found]:
                print(name, json.dumps(row))


if __name__ == "__main__":
    main()
