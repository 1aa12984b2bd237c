"""Jobs whose programs are compiled first: in groups, each program once, failures as values."""

import threading
import time
from collections.abc import Iterable, Sequence

from evolve_ai.contracts.program_builder import Built
from evolve_ai.evaluators.reading import read
from evolve_ai.model.candidate import Sources, hash_of
from evolve_ai.model.errors import MachineError
from evolve_ai.model.job import BINARY, Job, JobEnd, Outcome
from evolve_ai.model.task_settings import ScoreSettings
from evolve_ai.model.trial import Cause, Fault, Undecided
from evolve_ai.runners.building import BuildingRunner, Programs

PATIENCE = 20.0  # seconds


class Inner:
    """Tells of each job at once what its program is."""

    name = "inner"

    def __init__(self, programs: Programs):
        self._programs, self._ended = programs, list[tuple[str, Outcome]]()
        self.closed = False

    def slots(self) -> int:
        return 2

    def submit(self, job: Job) -> str:
        data = self._programs(job.files[BINARY]) if BINARY in job.files else b"none"
        self._ended.append((f"in-{job.title}", Outcome(JobEnd.EXITED, stdout=data)))
        return f"in-{job.title}"

    def done(self, seconds: float) -> Sequence[tuple[str, Outcome]]:
        found, self._ended = self._ended, []
        time.sleep(0.0 if found else seconds)
        return found

    def known(self, handles: Iterable[str]) -> frozenset[str]:
        return frozenset()

    def cancel(self, handle: str) -> None: ...

    def close(self) -> None:
        self.closed = True


class Builder:
    """Upper case; text with a `!` does not compile, with a `?` the machine fails."""

    def __init__(self, most: int = 4):
        self.most = most
        self.groups: list[int] = []
        self.go_on = threading.Event()
        self.begun = threading.Event()

    def build(self, programs: Sequence[Sources]) -> Sequence[Built | Fault]:
        self.groups.append(len(programs))
        self.begun.set()
        assert self.go_on.wait(PATIENCE)
        return [self._one(one["a"]) for one in programs]

    def _one(self, text: bytes) -> Built | Fault:
        if b"?" in text:
            raise MachineError("the disk is full")
        if b"!" in text:
            return Fault(Cause.BUILD, "a:1: no !", {"compiler": "here: !"})
        return Built(hash_of(text.upper()), text.upper())


class Bench:
    def __init__(self, most: int = 4):
        self.content: dict[str, bytes] = {}
        self.builder, self.programs = Builder(most), Programs(self.content.__getitem__)
        self.inner = Inner(self.programs)
        self.runner = BuildingRunner(self.inner, self.builder, self.programs)
        self.count = 0

    def submit(self, text: bytes, built: bool = True) -> str:
        code = hash_of(text)
        self.content[code] = text
        self.count += 1
        files, collect = {"a": code}, ("result.json",)
        job = Job(f"{self.count}", files, frozenset({"a"}), (), collect=collect, built=built)
        return self.runner.submit(job)

    def outcomes(self, count: int) -> dict[str, Outcome]:
        found: dict[str, Outcome] = {}
        while len(found) < count:
            new = dict(self.runner.done(PATIENCE))
            assert new
            found |= new
        return found


def test_those_that_wait_are_compiled_together_and_each_program_once() -> None:
    bench = Bench()
    first = bench.submit(b"one")
    assert bench.builder.begun.wait(PATIENCE)
    others = [bench.submit(b"two"), bench.submit(b"three"), bench.submit(b"two")]
    bench.builder.go_on.set()
    found = bench.outcomes(4)
    assert {one: found[one].stdout for one in (first, *others)} == {
        first: b"ONE",
        others[0]: b"TWO",
        others[1]: b"THREE",
        others[2]: b"TWO",
    }
    again = bench.submit(b"one")
    assert bench.outcomes(1)[again].stdout == b"ONE"
    assert bench.builder.groups == [1, 2]
    bench.runner.close()
    assert bench.inner.closed


def test_program_that_does_not_compile_is_a_fault_of_its_own() -> None:
    bench = Bench()
    bench.builder.go_on.set()
    bad, good = bench.submit(b"x!"), bench.submit(b"x")
    found = bench.outcomes(2)
    fault = read(found[bad], ScoreSettings())
    assert isinstance(fault, Fault)
    assert (fault.cause, fault.reason) == (Cause.BUILD, "a:1: no !")
    assert fault.artifacts["stderr"] == "here: !"
    assert found[good].stdout == b"X"
    bench.runner.close()


def test_failure_of_the_machine_is_charged_to_nobody() -> None:
    bench = Bench()
    bench.builder.go_on.set()
    outcome = bench.outcomes(1) if bench.submit(b"?") else {}
    assert read(*outcome.values(), ScoreSettings()) == Undecided("the disk is full")
    bench.runner.close()


def test_job_without_a_program_to_compile_goes_on_at_once() -> None:
    bench = Bench()
    handle = bench.submit(b"x", built=False)
    assert bench.outcomes(1)[handle].stdout == b"none"
    assert bench.runner.slots() == 4
    bench.builder.go_on.set()
    bench.runner.close()


def test_cancelled_while_it_is_compiled_never_runs() -> None:
    bench = Bench()
    handle = bench.submit(b"x")
    assert bench.builder.begun.wait(PATIENCE)
    assert bench.runner.known([handle, "other"]) == {handle}
    bench.runner.cancel(handle)
    bench.builder.go_on.set()
    assert bench.outcomes(1)[handle].end is JobEnd.CANCELLED
    bench.runner.close()


def test_programs_beyond_the_limit_are_forgotten_but_none_that_runs() -> None:
    programs = Programs(lambda code: b"", most=10)
    built = [Built(hash_of(text), text) for text in (b"aaaaaa", b"bbbbbb", b"cccccc")]
    programs.keep("a", built[0])
    programs.use(built[0].code, 1)
    programs.keep("b", built[1])
    programs.keep("c", built[2])
    assert programs.get("a") == built[0] and programs(built[0].code) == b"aaaaaa"
    assert programs.get("b") is None
    programs.use(built[0].code, -1)
    programs.keep("b", built[1])
    assert programs.get("a") is None or programs.get("c") is None
