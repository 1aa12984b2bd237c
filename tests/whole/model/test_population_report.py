"""What `status --json` and `agents --json` print, held against the types that document them."""

from project_support import ProjectUnderTest
from pydantic import ConfigDict, TypeAdapter, with_config

from evolve_ai.model.population_report import AgentRow, Status


def test_reports_are_of_their_types(project: ProjectUnderTest) -> None:
    strict = ConfigDict(strict=True, extra="forbid")
    project.live(1)
    status = TypeAdapter(with_config(strict)(Status)).validate_json(
        project.evolve("status", "--json").out, strict=True
    )
    rows = TypeAdapter(list[AgentRow]).validate_json(
        project.evolve("agents", "--json", "--all").out, strict=True
    )
    assert status.population.alive + status.population.dead == len(rows)
    assert sum(status.deaths.values()) == status.population.dead
