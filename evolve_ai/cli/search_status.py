"""What `evolve status` and `evolve show` say in the project of a search."""

from dataclasses import asdict
from pathlib import Path

from evolve_ai.cli.options import say, show_json
from evolve_ai.inspection import search_views
from evolve_ai.state.search_reader import SearchReader
from evolve_ai.system.project import Folders
from evolve_ai.ui import search_text
from evolve_ai.ui.columns import terminal_width
from evolve_ai.ui.terminal import Terminal


def status(project: Path, as_json: bool) -> None:
    root = project.absolute()
    with SearchReader.read(Folders(root).registry) as registry:
        found = search_views.report(root, registry)
    if as_json:
        show_json(asdict(found))
        return
    for line in search_text.status_lines(found, terminal_width()):
        say(line)
    if found.operators:
        say("")
        Terminal().print(search_text.operators_table(found))


def show_candidate(project: Path, which: str, as_json: bool) -> None:
    with SearchReader.read(Folders(project.absolute()).registry) as registry:
        placed = registry.found_by_id(which)
        sign = search_views.last_task(registry).score.signs[0]
        found = search_views.candidate_report(placed, sign)
        artifacts = registry.artifacts(found.number)
        diff = search_views.diff_of(registry, placed)
    if as_json:
        show_json({**asdict(found), "artifacts": artifacts, "diff": diff})
        return
    for line in search_text.candidate_lines(found):
        say(line)
    for name, text in artifacts.items():
        say(f"\n{name}:\n{text.rstrip()}")
    if diff:
        say(f"\n{diff.rstrip()}")
