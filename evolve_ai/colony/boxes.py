"""Makes the box of each agent and the command around each keeper from the sandbox of a run."""

from pathlib import Path

from evolve_ai.colony.namespaces import around_keeper
from evolve_ai.model.guarantee import Sandbox
from evolve_ai.model.report import Needs
from evolve_ai.model.sandbox import AgentBox
from evolve_ai.system.project import Project

EXAM = "exam"  # the purpose of a run, and the name of its folder in the workspace


def around_of(sandbox: Sandbox, project: Project, needs: Needs, folder: Path) -> tuple[str, ...]:
    """The command words around a keeper in this folder. An exam has its agents in that folder."""
    if sandbox.bwrap is None:
        return ()
    agents = () if folder.is_relative_to(project.workspace / EXAM) else (project.agents,)
    readable = (*needs.libraries, *project.settings.sandbox.readable)
    return around_keeper(sandbox.bwrap, sandbox.keeper, folder, agents, readable)


def box_of(sandbox: Sandbox, project: Project, needs: Needs) -> AgentBox | None:
    """The box of every agent; None when the user runs agents without a sandbox."""
    if sandbox.is_unsafe:
        return None
    given = project.settings.sandbox
    return AgentBox(
        libraries=tuple(map(Path, (*needs.libraries, *given.readable))),
        threads=given.threads or needs.threads,
        state_files=given.state_files,
        state_bytes=given.state_bytes,
    )
