"""Tests of the verb build, with a builder that only says what it would do."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from stages_support import Population

from evolve_ai.contracts.substrate import Progress
from evolve_ai.model.agent import Cause, Fault, State
from evolve_ai.model.errors import LeftBehindError
from evolve_ai.model.report import BuildRequest, BuildVerdict, Program
from evolve_ai.model.tally import Counts
from evolve_ai.stages.build import Built, build
from evolve_ai.stages.supervise import offered

PROGRAM = Program(Path("/bin/true"))


class PaperBuilder:
    """Compiles everything but what it was told to refuse; remembers what it was asked."""

    def __init__(self, stored: Sequence[str] = (), refused: Sequence[str] = ()):
        self.stored, self.refused = set(stored), set(refused)
        self.outside: set[str] = set()
        self.told: set[str] = set()
        self.asked: list[BuildRequest] = []

    def ready(self, requests: Sequence[BuildRequest]) -> dict[str, Program]:
        return {r.fingerprint: PROGRAM for r in requests if r.fingerprint in self.stored}

    def build(
        self, requests: Sequence[BuildRequest], progress: Progress | None = None
    ) -> tuple[BuildVerdict, ...]:
        self.asked += requests
        return tuple(self._verdict(request) for request in requests)

    def _verdict(self, request: BuildRequest) -> BuildVerdict:
        if request.agent in self.outside:
            fault = Fault(Cause.BUILD, "src/genes/alpha.rs:1: the compiler took over 120 s")
            again = request.fingerprint in self.told
            self.told.add(request.fingerprint)
            return BuildVerdict(
                request.agent, request.fingerprint, fault=fault, reused=again, outside=True
            )
        if request.agent in self.refused:
            fault = Fault(Cause.BUILD, "src/genes/alpha.rs:3: mismatched types" + "!" * 5000)
            return BuildVerdict(request.agent, request.fingerprint, fault=fault)
        known = request.fingerprint in self.stored
        return BuildVerdict(request.agent, request.fingerprint, PROGRAM, reused=known)

    def forget(self, requests: Sequence[BuildRequest]) -> None:
        self.told.clear()

    def prune(self, needed: Sequence[BuildRequest], running: Iterable[Path]) -> int:
        return 0


@pytest.fixture
def three(tmp_path: Path) -> Population:
    return Population.of(tmp_path, 3)


def built(
    population: Population, builder: PaperBuilder, changed: Sequence[str], **programs: Program
) -> Built:
    rebuilt = {agent: population.genome(agent) for agent in changed}
    return build(
        population.context, population.agents, rebuilt, programs, builder, population.genome
    )


def test_changed_agents_are_built_and_get_their_fingerprints(three: Population) -> None:
    builder = PaperBuilder()
    done = built(three, builder, list(three.agents))
    assert done.counts == Counts(requested=3, compiled=3)
    assert {r.fingerprint for r in done.agents.values()} == set(done.programs)
    assert [event.data["verdict"] for event in done.events] == ["compiled"] * 3
    for request in builder.asked:
        genome = three.genome(request.agent)
        calls = tuple((gene.path, name) for gene, name in genome.active_genes())
        assert request.calls == calls


def test_program_of_who_was_awaited_is_news_though_it_is_reused(three: Population) -> None:
    class Busy(PaperBuilder):
        def build(
            self, requests: Sequence[BuildRequest], progress: Progress | None = None
        ) -> tuple[BuildVerdict, ...]:
            return ()

    first = built(three, Busy(), list(three.agents))
    assert (first.awaited, first.events) == (frozenset(three.agents), ())
    three.agents = dict(first.agents)
    stored = [record.fingerprint for record in three.agents.values()]
    one = next(iter(three.agents))
    second = build(
        three.context, three.agents, {}, {}, PaperBuilder(stored), three.genome, awaited=[one]
    )
    assert second.awaited == frozenset()
    assert [(event.agent, event.data["verdict"]) for event in second.events] == [(one, "reused")]
    assert second.counts == Counts(requested=1, reused=1)


def test_nothing_changed_means_nothing_is_asked(three: Population) -> None:
    first = built(three, PaperBuilder(), list(three.agents))
    three.agents = dict(first.agents)
    builder = PaperBuilder()
    done = built(three, builder, [], **first.programs)
    assert (builder.asked, done.events, done.counts) == ([], (), Counts())
    assert done.agents == first.agents


def test_program_in_the_store_is_reused_and_counted(three: Population) -> None:
    first = built(three, PaperBuilder(), list(three.agents))
    builder = PaperBuilder(stored=list(first.programs))
    done = built(three, builder, list(three.agents))
    assert done.counts == Counts(requested=3, reused=3)
    assert {event.data["verdict"] for event in done.events} == {"reused"}


def test_program_that_left_the_store_is_built_again_without_a_change(three: Population) -> None:
    three.agents = dict(built(three, PaperBuilder(), list(three.agents)).agents)
    done = built(three, PaperBuilder(), [])
    assert done.counts == Counts(requested=3, compiled=3)


def test_code_that_does_not_compile_quarantines_its_agent_with_a_reason_of_fair_length(
    three: Population,
) -> None:
    done = built(three, PaperBuilder(refused=[three.first]), list(three.agents))
    record = done.agents[three.first]
    assert (record.state, record.cause) == (State.QUARANTINED, "build")
    assert (record.reason or "").startswith("src/genes/alpha.rs:3: mismatched types")
    assert len(record.reason or "") < 2100
    assert done.counts == Counts(requested=3, compiled=2, failed=1)
    kinds = [str(event.kind) for event in done.events if event.agent == three.first]
    assert kinds == ["build", "quarantine"]


def test_quarantined_and_dead_are_not_built(three: Population) -> None:
    a, b, c = three.agents
    three.agents = dict(built(three, PaperBuilder(), list(three.agents)).agents)
    three.agents[a] = replace(three.agents[a], state=State.QUARANTINED)
    three.agents[b] = replace(three.agents[b], state=State.DEAD)
    builder = PaperBuilder()
    built(three, builder, [])
    assert [request.agent for request in builder.asked] == [c]


def test_pool_is_offered_with_its_genes(three: Population) -> None:
    told = offered(three.context.pool)
    assert [one["path"] for one in told] == [source.path for source in three.context.pool.sources]
    assert all(set(one) == {"path", "code", "functions"} for one in told)


def test_what_the_machine_did_taints_and_harms_nobody(three: Population) -> None:
    builder = PaperBuilder()
    builder.outside = {three.first}
    done = built(three, builder, list(three.agents))
    assert done.agents[three.first].state is not State.QUARANTINED
    assert done.counts == Counts(requested=3, compiled=2, failed=1)
    assert len(done.taints) == 1
    assert three.first in done.taints[0]
    assert "took over 120 s" in done.taints[0]
    three.agents = dict(done.agents)
    later = built(three, builder, [], **done.programs)
    assert (later.taints, later.events) == ((), ()), "told once, although it is asked for again"


def test_programs_whose_file_was_set_aside_are_asked_for_again(three: Population) -> None:
    first, *_ = three.agents
    gone = Program(Path("/nowhere/program"))
    done = built(three, PaperBuilder(), [first], lost=gone, kept=PROGRAM)
    assert "lost" not in done.programs and done.programs["kept"] == PROGRAM


def test_altered_program_quarantines_and_taints(three: Population) -> None:
    class Alarmed(PaperBuilder):
        def _verdict(self, request: BuildRequest) -> BuildVerdict:
            fault = Fault(Cause.SIGNATURE, "its program was altered")
            return BuildVerdict(request.agent, request.fingerprint, fault=fault)

    done = built(three, Alarmed(), list(three.agents))
    assert {r.state for r in done.agents.values()} == {State.QUARANTINED}
    assert {r.cause for r in done.agents.values()} == {"signature"}
    assert done.taints == ("3 agents set aside: its program was altered",)


def test_build_that_leaves_somebody_behind_taints_and_harms_nobody(three: Population) -> None:
    class Haunted(PaperBuilder):
        def build(
            self, requests: Sequence[BuildRequest], progress: Progress | None = None
        ) -> tuple[BuildVerdict, ...]:
            raise LeftBehindError("process 77 of a command that was ended cannot be ended")

    done = built(three, Haunted(), list(three.agents))
    assert not any(one.state is State.QUARANTINED for one in done.agents.values())
    assert done.counts.failed == len(done.taints) == len(three.agents)
    assert all("process 77" in taint for taint in done.taints)
