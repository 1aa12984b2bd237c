"""Tests of building in the background, with a builder that waits for a word."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest
from project_support import wait_until

from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.errors import ToolchainError
from evolve_ai.model.report import BuildRequest, BuildVerdict, Program
from evolve_ai.pipelines.background import BackgroundBuilder
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

    def prune(self, needed: Sequence[BuildRequest], running: Iterable[Path]) -> int:
        return 7


def test_what_is_there_is_answered_and_the_rest_begun() -> None:
    behind = PaperBuilder("old")
    builder = BackgroundBuilder(behind, lambda: PaperBuilder("old"))
    first = builder.build([request("a", "old"), request("b", "new"), request("c", "bad")])
    assert [(v.agent, v.reused) for v in first] == [("a", True)]
    assert (builder.idle, builder.finished(), builder.prune([], [])) == (False, frozenset(), 0)
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
    assert builder.prune([], []) == 7
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
