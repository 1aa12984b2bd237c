"""Opens the log of an agent for reading."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evolve_ai.colony.log_tail import LogTail
from evolve_ai.model.agent import AgentRecord
from evolve_ai.model.errors import EvolveError
from evolve_ai.session.project_root import find_root
from evolve_ai.state.registry import Registry
from evolve_ai.system.project import Folders


@contextmanager
def log_of(folder: Path, prefix: str) -> Iterator[tuple[AgentRecord, LogTail]]:
    """An agent and its log. EvolveError for a dead agent: its log was removed with its folder."""
    project = Folders(find_root(folder))
    with Registry.read(project.registry) as registry:
        record = registry.agent(prefix)
    if not record.alive:
        raise EvolveError(
            f"agent {record.id} died in cycle {record.died_cycle} ({record.cause}), and its log "
            "went with its folder",
            todo=f"what is known of it: evolve show {record.id[:13]}",
        )
    with LogTail(project.agent(record.id)) as tail:
        yield record, tail
