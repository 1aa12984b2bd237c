"""Tests of the verb audit: a policy that changes reaches everybody."""

from dataclasses import replace
from pathlib import Path

import pytest
from stages_support import Population

from evolve_ai.model.agent import Cause, State
from evolve_ai.model.audit_settings import AuditSettings
from evolve_ai.stages import agent_scan_update
from evolve_ai.substrates.rust.substrate import RustSubstrate
from evolve_ai.system.verdict_store import VerdictStore

GENE = "src/genes/alpha.rs"
LAX = AuditSettings(paths=("std::time",))


def under(population: Population, audit: AuditSettings) -> None:
    context = population.context
    population.context = replace(context, substrate=RustSubstrate(audit=audit))


def let_it_wait(population: Population, agent: str) -> None:
    """An active gene of this agent uses what only the lax policy allows."""
    gene = population.folder(agent) / GENE
    gene.write_text(gene.read_text() + "\npub fn wait(_: std::time::Duration) {}\n")
    genome = population.genome(agent)
    files = tuple(replace(one, active=True) for one in genome.files)
    population.write_genome(replace(genome, files=files), agent)


@pytest.fixture
def lax(tmp_path: Path) -> Population:
    """Two agents under the lax policy; the first makes use of it."""
    population = Population.of(tmp_path, 2)
    under(population, LAX)
    let_it_wait(population, population.first)
    population.look()
    assert {record.state for record in population.agents.values()} == {State.RUNNING}
    return population


def test_stricter_policy_quarantines_who_breaks_it_and_nobody_else(lax: Population) -> None:
    assert lax.look().rebuilt == {}  # nobody has changed
    under(lax, AuditSettings())
    updated = lax.look()
    ill = lax.agents[lax.first]
    assert (ill.state, ill.cause) == (State.QUARANTINED, Cause.AUDIT)
    assert f"{GENE}: line " in (ill.reason or "")
    assert "[std-path]" in (ill.reason or "")
    assert [event.agent for event in updated.events] == [lax.first]
    (other,) = (record for record in lax.agents.values() if record.id != lax.first)
    assert other.state is State.RUNNING


def test_policy_that_allows_it_again_cures(lax: Population) -> None:
    under(lax, AuditSettings())
    lax.look()
    under(lax, LAX)
    lax.look()
    assert lax.agents[lax.first].state is State.EMBRYO


def test_warning_refuses_nobody(tmp_path: Path) -> None:
    population = Population.of(tmp_path, 1)
    under(population, AuditSettings(warnings=("hashed-order",)))
    gene = population.folder() / GENE
    gene.write_text("use std::collections::HashMap;\n" + gene.read_text())
    population.look()
    assert population.agents[population.first].state is State.RUNNING


def test_verdicts_outlast_a_run(lax: Population, monkeypatch: pytest.MonkeyPatch) -> None:
    def unread(task: object) -> tuple[()]:
        raise AssertionError("read again")

    agents = {agent: replace(record, stamp="") for agent, record in lax.agents.items()}
    monkeypatch.setattr(agent_scan_update, "read_sources", unread)
    scanned = agent_scan_update.scan(lax.context, agents, {})
    assert len(scanned.reports) == 2
    codes = {code: source.path for code, source in scanned.sources.items()}
    with VerdictStore(lax.context.project.verdicts, lax.context.policy) as verdicts:
        assert verdicts.get(codes) == scanned.sources
