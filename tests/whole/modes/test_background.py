"""Tests of building in the background, with a builder that waits for a word."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from project_support import wait_until

from evolve_ai.model.agent import AgentRecord, Cause, Fault, State
from evolve_ai.model.errors import StorageError, ToolchainError
from evolve_ai.model.report import BuildRequest, BuildVerdict, Program
from evolve_ai.model.restart import Pace
from evolve_ai.modes.background import BackgroundBuilder
from evolve_ai.modes.live_updates import LiveUpdates
from evolve_ai.system.commands import CancelledError, Limits, run_command

PROGRAM = Program(Path("/bin/true"))


def request(agent: str, fingerprint: str) -> BuildRequest:
    return BuildRequest(agent, fingerprint, (), ())


class PaperBuilder:
    """Has `stored` at once; the rest takes until `may_build`. Notes who asks, from which thread."""

    def __init__(self, *stored: str):
        self.stored = set(stored)
        self.may_build = threading.Event()
        self.fails: Exception | None = None
        self.threads: set[str] = set()
        self.built: list[list[str]] = []
        self.forgotten: list[str] = []
        self.pruned: list[tuple[Sequence[BuildRequest], frozenset[Path]]] = []

    def ready(self, requests: Sequence[BuildRequest]) -> Mapping[str, Program]:
        return {r.fingerprint: PROGRAM for r in requests if r.fingerprint in self.stored}

    def build(
        self, requests: Sequence[BuildRequest], progress: object = None
    ) -> tuple[BuildVerdict, ...]:
        self.threads.add(threading.current_thread().name)
        self.built.append([r.fingerprint for r in requests])
        assert self.may_build.wait(10)
        if self.fails is not None:
            raise self.fails
        return tuple(self._verdict(request) for request in requests)

    def _verdict(self, request: BuildRequest) -> BuildVerdict:
        if request.fingerprint == "bad":
            fault = Fault(Cause.BUILD, "src/genes/x.rs:3: error")
            return BuildVerdict(request.agent, request.fingerprint, fault=fault)
        self.stored.add(request.fingerprint)
        return BuildVerdict(request.agent, request.fingerprint, PROGRAM)

    def forget(self, requests: Sequence[BuildRequest]) -> None:
        assert threading.current_thread() is threading.main_thread()
        self.forgotten += [r.fingerprint for r in requests]

    def prune(self, needed: Sequence[BuildRequest], running: Iterable[Path]) -> int:
        self.threads.add(threading.current_thread().name)
        assert self.may_build.wait(10)
        self.pruned.append((needed, frozenset(running)))
        return 7


def test_what_is_there_is_answered_and_the_rest_begun() -> None:
    behind = PaperBuilder("old")
    builder = BackgroundBuilder(behind, lambda: PaperBuilder("old"))
    first = builder.build([request("a", "old"), request("b", "new"), request("c", "bad")])
    assert [(v.agent, v.reused) for v in first] == [("a", True)]
    assert (builder.idle, builder.finished()) == (False, frozenset())
    assert [v.agent for v in builder.build([request("d", "old"), request("b", "new")])] == ["d"]
    behind.may_build.set()
    assert wait_until(builder.finished, "the end of the build") == {"b", "c"}
    later = builder.build([request("b", "new"), request("c", "bad")])
    assert [(v.agent, v.program, v.reused) for v in later] == [
        ("b", PROGRAM, False),
        ("c", None, False),
    ]
    assert behind.built == [["new", "bad"]], "nothing is built twice"
    assert all(name.startswith("build") for name in behind.threads)
    builder.close()


def test_who_asks_meanwhile_is_named_at_the_end_and_the_last_wish_counts() -> None:
    behind = PaperBuilder()
    builder = BackgroundBuilder(behind, PaperBuilder)
    builder.build([request("a", "first")])
    builder.build([request("a", "second")])
    builder.build([request("a", "third"), request("b", "other")])
    behind.may_build.set()
    assert wait_until(builder.finished, "the end of the build") == {"a", "b"}
    assert builder.build([request("a", "third"), request("b", "other")]) == ()
    assert wait_until(builder.finished, "the end of the build") == {"a", "b"}
    assert behind.built == [["first"], ["third", "other"]]
    builder.close()


def test_failure_of_ours_is_kept_until_it_can_be_told() -> None:
    behind = PaperBuilder()
    behind.fails = ToolchainError("no cargo")
    builder = BackgroundBuilder(behind, PaperBuilder)
    builder.check()
    builder.build([request("a", "new")])
    behind.may_build.set()
    wait_until(lambda: builder.finished() or builder.idle, "the end of the build")
    assert builder.build([request("a", "new")]) == ()
    assert builder.idle, "nothing more is begun"
    with pytest.raises(ToolchainError):
        builder.check()
    builder.close()


def test_failures_are_forgotten_when_no_build_is_under_way() -> None:
    behind = PaperBuilder()
    builder = BackgroundBuilder(behind, PaperBuilder)
    builder.forget([request("a", "first")])
    assert behind.forgotten == ["first"]
    builder.build([request("b", "bad")])
    builder.forget([request("c", "second")])
    assert behind.forgotten == ["first"]
    behind.may_build.set()
    assert wait_until(builder.finished, "the end of the build") == {"b"}
    assert behind.forgotten == ["first", "second"]
    builder.close()


def test_nobody_waits_for_a_prune_and_what_is_ready_outlasts_it() -> None:
    behind = PaperBuilder("old")
    other = {"needed": PROGRAM, "spare": Program(Path("/bin/false"))}

    class Looker(PaperBuilder):
        def ready(self, requests: Sequence[BuildRequest]) -> Mapping[str, Program]:
            return {r.fingerprint: other[r.fingerprint] for r in requests if r.fingerprint in other}

    builder = BackgroundBuilder(behind, Looker)
    needed, running = [request("a", "needed")], [Path("/bin/sh")]
    assert builder.prune(needed, running) == 0
    assert not builder.idle
    asked = [request("a", "needed"), request("b", "spare"), request("c", "new")]
    assert [verdict.agent for verdict in builder.build(asked)] == ["a"]
    behind.may_build.set()
    assert wait_until(builder.finished, "the end of the prune") == {"b", "c"}
    assert behind.pruned == [(needed, frozenset({Path("/bin/sh"), PROGRAM.file}))]
    assert all(name.startswith("build") for name in behind.threads)
    builder.close()


def test_prune_during_a_build_is_put_off_and_comes_before_the_next_build() -> None:
    behind = PaperBuilder()
    builder = BackgroundBuilder(behind, PaperBuilder)
    builder.build([request("a", "new")])
    builder.prune([], [])
    assert not builder.prune_due, "a build is under way"
    builder.build([request("b", "other")])
    behind.may_build.set()
    assert wait_until(builder.finished, "the end of the build") == {"a", "b"}
    assert [verdict.agent for verdict in builder.build([request("b", "other")])] == []
    assert (builder.prune_due, behind.built) == (True, [["new"]])
    builder.prune([], [])
    assert not builder.prune_due
    assert wait_until(builder.finished, "the end of the prune") == {"b"}
    assert len(behind.pruned) == 1
    builder.build([request("b", "other")])
    assert wait_until(builder.finished, "the end of the build") == {"b"}
    assert behind.built == [["new"], ["other"]]
    builder.close()


def test_verdicts_are_told_only_while_they_are_fresh() -> None:
    behind = PaperBuilder()
    behind.may_build.set()
    builder = BackgroundBuilder(behind, PaperBuilder)
    both = [request("a", "new"), request("b", "bad")]
    builder.build(both)
    wait_until(builder.finished, "the end of the build")
    behind.stored.clear()  # as a prune does
    assert [verdict.agent for verdict in builder.build(both)] == ["b"]
    assert wait_until(builder.finished, "the end of the build") == {"a"}
    assert builder.finished() == frozenset()
    told = builder.build(both)
    assert [(verdict.agent, verdict.reused) for verdict in told] == [("a", True)]
    builder.close()


def test_what_keeps_changes_from_coming_to_life_is_noted_once_and_restarts_do_not_insist(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries: list[float] = []

    def full(*_: object) -> None:
        tries.append(1)
        raise StorageError("no space left on device")

    one = AgentRecord("a", 0, 0, State.WAITING, 0, (), 0, 1000, fingerprint="f", retry_at=1.0)
    population = SimpleNamespace(notes=[], agents={"a": one}, programs={"f": None}, pace=Pace())
    written = [{"a"}, {"a"}, set[str](), set[str]()]
    monkeypatch.setattr(LiveUpdates, "_prepared", full)
    watcher = SimpleNamespace(changed=written.pop, close=bool, wake_for=id)
    live_updates: Any = LiveUpdates(
        cast(Any, population),
        cast(Any, SimpleNamespace(reap=dict, handles=lambda: (0,))),
        BackgroundBuilder(PaperBuilder(), cast(Any, PaperBuilder)),
        cast(Any, watcher),
        lambda: 2.0,
    )
    while written:
        assert not live_updates.look(SimpleNamespace(now=2.0), {}, {}).agents
    assert len(tries) == 3, "once for the wait that is over, twice for what was written"
    assert len(population.notes) == 1
    assert "no space left" in population.notes[0]
    live_updates.close()


def test_closing_ends_a_command_that_runs(tmp_path: Path) -> None:
    ended: list[str] = []
    begun = threading.Event()

    class SlowBuilder(PaperBuilder):
        def build(
            self, requests: Sequence[BuildRequest], progress: object = None
        ) -> tuple[BuildVerdict, ...]:
            begun.set()
            try:
                limits = Limits(total=60.0, silence=60.0)
                run_command(["sleep", "600"], cwd=tmp_path, env={}, limits=limits)
            except CancelledError:
                ended.append("cancelled")
                raise
            return ()

    builder = BackgroundBuilder(SlowBuilder(), PaperBuilder)
    builder.build([request("a", "new")])
    assert begun.wait(10)
    builder.close()
    assert ended == ["cancelled"]
