"""What every runner does: each test runs for each of them."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from runners_support import QUICK, Bench, opened

from evolve_ai.contracts.runner import Runner
from evolve_ai.model.job import MIB, Job, JobEnd, JobNeeds, JobUsage
from evolve_ai.session import trial_runner

SLOTS = 2


@pytest.fixture(scope="module", params=["local", "without namespaces"])
def bench(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, keeper: Path
) -> Iterator[Bench]:
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            if request.param != "local":
                patch.setattr(trial_runner, "why_no_box", lambda places: "as a test wants it")
            bench = stack.enter_context(opened(tmp_path_factory.mktemp("runner"), keeper, SLOTS))
        yield bench


def test_runner_has_its_slots(bench: Bench) -> None:
    runner: Runner = bench.runner
    assert runner.slots() == SLOTS
    assert runner.done(0.0) == []


def test_outcome_tells_all_that_a_command_did(bench: Bench) -> None:
    script = "echo out; echo err >&2; echo a >$1/a; mkdir $1/b; echo c >$1/b/c; exit 3"
    argv = ("/bin/sh", "-c", script, "sh", "{scratch}")
    done = bench.run(bench.job({"x": ""}, argv, collect=("a", "b/c", "none")))
    assert (done.end, done.code, done.stdout, done.stderr) == (JobEnd.EXITED, 3, b"out\n", b"err\n")
    assert done.files == {"a": b"a\n", "b/c": b"c\n"}
    assert done.usage.wall > 0
    assert done.cost is None


def test_same_job_has_the_same_outcome(bench: Bench) -> None:
    script = "pwd; echo $TMPDIR $HOME $0; ls -a; ls -a $TMPDIR $HOME; cat /nothing; env | sort"
    job = bench.job({"x": "", "d/y": ""}, ("/bin/sh", "-c", script, "{scratch}"))
    handles = [bench.runner.submit(job) for _ in range(2 * SLOTS)]
    found = bench.until(*handles)
    outcomes = [replace(found[one], usage=JobUsage()) for one in handles]
    assert outcomes == [outcomes[0]] * len(handles)


def test_signal_is_a_negative_code(bench: Bench) -> None:
    assert bench.shell("kill -SEGV $$").code == -11


def test_command_that_is_not_there_is_the_jobs_fault(bench: Bench) -> None:
    done = bench.run(bench.job({}, ("no-such-program",)))
    assert (done.end, done.code) == (JobEnd.EXITED, 127)
    assert "no-such-program" in done.reason


def test_task_holds_the_files_of_the_job_and_no_others(bench: Bench) -> None:
    listing = ("/bin/sh", "-c", "find . -type f | sort; cat prog/*")
    for files in ({"x": "", "prog/a": "A"}, {"x": "", "prog/b": "B"}, {"x": ""}, {"y": ""}) * SLOTS:
        done = bench.run(bench.job(files, listing))
        names = "".join(f"./{name}\n" for name in sorted(files))
        assert done.stdout.decode() == names + "".join(files.values())


def test_task_is_read_only_and_scratch_is_new(bench: Bench) -> None:
    script = (
        "for p in x prog new; do (echo 1 >$p) 2>/dev/null && echo wrote $p; done; rm -f x 2>&1;"
        "ls -A {scratch} $TMPDIR $HOME; echo 1 >{scratch}/a; echo 1 >$TMPDIR/b; echo 1 >$HOME/c"
    )
    for _ in range(SLOTS + 1):
        done = bench.run(bench.job({"x": "", "prog": ""}, ("/bin/sh", "-c", script)))
        assert b"wrote" not in done.stdout
        assert not {b"a", b"b", b"c"} & set(done.stdout.split())


def test_environment_is_made_from_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "1")
    done = bench.run(bench.job({}, ("/usr/bin/env",), env={"TOLD": "{task} {scratch}"}))
    names = {line.partition("=")[0] for line in done.stdout.decode().splitlines()}
    assert {"PATH", "HOME", "TMPDIR", "LANG", "PYTHONDONTWRITEBYTECODE", "TOLD"} <= names
    assert "SECRET_TOKEN" not in names
    assert b"{task}" not in done.stdout


def test_long_output_keeps_its_beginning_and_its_end(bench: Bench) -> None:
    done = bench.python("print('begin'); print('x' * 5000); print('end')", replace(QUICK, kept=200))
    assert done.stdout.startswith(b"begin\n")
    assert done.stdout.endswith(b"end\n")
    assert len(done.stdout) < 300


def test_handle_is_known_until_its_outcome_is_read(bench: Bench) -> None:
    handle = bench.runner.submit(bench.job({}, ("/bin/true",)))
    assert bench.runner.known([handle, "local-1-1"]) == {handle}
    bench.until(handle)
    assert bench.runner.known([handle]) == frozenset()


def test_cancelled_jobs_end_at_once_whether_they_run_or_wait(bench: Bench) -> None:
    sleep = bench.job({}, ("/bin/sleep", "60"), replace(QUICK, seconds=90.0, silence=90.0))
    handles = [bench.runner.submit(sleep) for _ in range(SLOTS + 1)]
    for handle in handles:
        bench.runner.cancel(handle)
    found = bench.until(*handles)
    assert {found[handle].end for handle in handles} == {JobEnd.CANCELLED}


def test_content_that_cannot_be_had_is_the_machines_fault(bench: Bench) -> None:
    missing = Job("odd", {"x": "0" * 64}, frozenset(), ("/bin/true",))
    assert bench.run(missing).end is JobEnd.MACHINE
    outside = Job("odd", {"../x": bench.put("")}, frozenset(), ("/bin/true",))
    assert bench.run(outside).end is JobEnd.MACHINE
    assert bench.shell("true").code == 0


def test_job_that_needs_all_cores_runs_alone(bench: Bench) -> None:
    script = "date +%s%N; sleep 0.1; date +%s%N"
    needs = JobNeeds(cores=SLOTS)
    jobs = [bench.job({}, ("/bin/sh", "-c", script), needs=needs) for _ in range(3)]
    found = bench.until(*[bench.runner.submit(job) for job in jobs])
    spans = sorted(tuple(map(int, one.stdout.split())) for one in found.values())
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(spans))


def test_job_for_a_container_is_not_run_without(bench: Bench) -> None:
    done = bench.run(bench.job({}, ("/bin/true",), needs=JobNeeds(image="x")))
    assert (done.end, "image x" in done.reason) == (JobEnd.MACHINE, True)


def test_limit_of_time_ends_a_command_and_what_it_has_started(bench: Bench) -> None:
    script = "setsid sleep 61 & sleep 62"
    done = bench.shell(script, replace(QUICK, seconds=0.2))
    assert done.end is JobEnd.SECONDS
    assert done.usage.wall < 10
    assert bench.shell("echo; exec sleep 63", replace(QUICK, silence=0.2)).end is JobEnd.SILENCE


def test_whole_tree_has_one_limit_of_memory_and_of_processor_time(bench: Bench) -> None:
    hungry = "import os\nfor _ in range(4): os.fork()\nheld = b'x' * 20_000_000\nwhile True: pass"
    assert bench.python(hungry, replace(QUICK, memory=120 * MIB)).end is JobEnd.MEMORY
    assert bench.python(hungry, replace(QUICK, cpu_seconds=0.5)).end is JobEnd.CPU
    many = "import os\nwhile True: os.fork() or os.execlp('sleep', 'sleep', '60')"
    assert bench.python(many, replace(QUICK, processes=20)).end is JobEnd.PROCESSES
    loud = "import os\nwhile True: os.write(1, b'x' * 65536)"
    assert bench.python(loud, replace(QUICK, output=MIB)).end is JobEnd.OUTPUT


def test_event_loop_works(bench: Bench) -> None:
    script = "import asyncio\nasync def f(): return await asyncio.to_thread(sum, [1, 2])\n"
    assert bench.python(f"{script}print(asyncio.run(f()))").stdout == b"3\n"


def test_unsafe_runner_says_so_and_keeps_its_limits(tmp_path: Path, keeper: Path) -> None:
    shutil.copytree(keeper.parents[1], tmp_path / "keeper")
    runner, told = trial_runner.open_local_runner(tmp_path, {}.__getitem__, 1, True)
    try:
        bench = Bench(runner, told, tmp_path)
        assert "UNSAFE" in told[0]
        assert bench.run(bench.job({}, ("/bin/ls", str(tmp_path)))).code == 0
        slow = bench.job({}, ("/bin/sleep", "60"), replace(QUICK, seconds=0.1))
        assert bench.run(slow).end is JobEnd.SECONDS
    finally:
        runner.close()


def test_project_that_trials_can_read_is_told_of(tmp_path: Path, keeper: Path) -> None:
    shutil.copytree(keeper.parents[1], tmp_path / "keeper")
    arguments = (tmp_path, {}.__getitem__, 1, False)
    runner, told = trial_runner.open_local_runner(*arguments, (tmp_path.parent,))
    runner.close()
    assert str(tmp_path.parent) in told[-1]


def test_closed_runner_can_be_closed_again(tmp_path: Path, keeper: Path) -> None:
    with opened(tmp_path, keeper) as bench:
        bench.runner.submit(bench.job({}, (sys.executable, "-c", "import time; time.sleep(60)")))
        bench.runner.close()
    assert not list((tmp_path / "trials").iterdir())
