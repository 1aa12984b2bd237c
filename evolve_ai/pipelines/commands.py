"""Owns carrying out the commands that came in through the inbox, between two cycles."""

from evolve_ai.model.agent import AgentRecord
from evolve_ai.model.errors import EvolveError
from evolve_ai.model.event import Event, Kind
from evolve_ai.pipelines import inbox
from evolve_ai.pipelines.initiate_project import initiate_project
from evolve_ai.pipelines.parts import Parts
from evolve_ai.state.registry import Batch, Registry

DONE = "inbox_done"  # the last command that was carried out, by the name of its file


def carry_out(parts: Parts, registry: Registry, run: str, cycle: int) -> tuple[AgentRecord, ...]:
    """Do what was asked, in order; each command is recorded, with what became of it."""
    founded: list[AgentRecord] = []
    for path, command in inbox.waiting(parts.project.inbox):
        if registry.meta(DONE) == path.name:  # a kill came between the deed and the file's end
            path.unlink(missing_ok=True)
            continue
        outcome, records = _one(parts, registry, run, command, path.name)
        founded += records
        data = {
            "command": command.name if command else "unreadable",
            "arguments": dict(command.arguments) if command else {},
            "outcome": outcome,
        }
        events = (Event(Kind.COMMAND, cycle, None, data),)
        recorded = registry.commit(Batch(events=events, meta={DONE: path.name}), run)
        path.unlink(missing_ok=True)
        parts.sink.deliver(recorded)
    return tuple(founded)


def _one(
    parts: Parts, registry: Registry, run: str, command: inbox.Command | None, name: str
) -> tuple[str, tuple[AgentRecord, ...]]:
    if command is None or command.name != "init":
        return "refused: no such command", ()
    try:
        count = int(command.arguments["count"])
        founding = initiate_project(parts, registry, count, run, done={DONE: name})
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        return f"refused: {error}", ()
    except EvolveError as error:
        return f"failed: {error}", ()
    return f"founded {len(founding.founded)}", founding.founded
