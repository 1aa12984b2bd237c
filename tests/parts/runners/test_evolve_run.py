"""$EVOLVE_RUN: a program runs apart from its evaluator, and its cost is measured."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from runners_support import Bench, opened, skip_without_namespaces

from evolve_ai.model.job import JobEnd, Outcome


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, keeper: Path) -> Iterator[Bench]:
    with opened(tmp_path_factory.mktemp("runner"), keeper) as bench:
        skip_without_namespaces(bench)
        yield bench


def evaluated(bench: Bench, script: str, program: str = "", cost: str = "") -> Outcome:
    """Runs an evaluator that is a shell script; the program is another one."""
    files = {"main.sh": script, "secret": "hidden", "prog.sh": program}
    return bench.run(bench.job(files, ("/bin/sh", "main.sh"), cost=cost))


def test_program_reads_itself_and_nothing_of_its_evaluator(bench: Bench) -> None:
    program = (
        "cat /task/prog.sh >/dev/null && echo own; cat /task/secret; cat /scratch/work/result;"
        "ls /task; ls /scratch; cat /proc/2/environ; cat /proc/2/maps; kill -9 2; kill -9 $PPID;"
        "echo 1 >/scratch/costs; echo 1 >/scratch/work/result; echo 1 >/tmp/x; echo 1 >/dev/shm/x"
    )
    done = evaluated(bench, "echo hidden >/scratch/work/result; $EVOLVE_RUN sh prog.sh", program)
    assert done.stdout == b"own\n"
    assert b"hidden" not in done.stderr
    assert done.stderr.count(b"denied") + done.stderr.count(b"not permitted") >= 11


def test_program_gets_what_its_evaluator_grants(bench: Bench) -> None:
    script = (
        "mkdir {0}/in {0}/out; echo told >{0}/in/x;"
        "$EVOLVE_RUN --read {0}/in --write {0}/out -- sh prog.sh; cat {0}/out/y; echo $?"
    ).format("/scratch/work")
    done = evaluated(bench, script, "cat /scratch/work/in/x >/scratch/work/out/y; exit 3")
    assert done.stdout == b"told\n0\n"


def test_program_compiled_elsewhere_can_be_executed(bench: Bench) -> None:
    script = (
        "cp /bin/echo $TMPDIR/made; $EVOLVE_RUN $TMPDIR/made hello; $EVOLVE_RUN nothing; echo $?"
    )
    assert evaluated(bench, script).stdout == b"hello\n127\n"


def test_program_inherits_three_descriptors(bench: Bench) -> None:
    script = "exec 5</task/secret 7>/scratch/work/x; $EVOLVE_RUN ls /proc/self/fd"
    assert evaluated(bench, script).stdout.split() == [b"0", b"1", b"2", b"3"]  # 3: the listing


def test_program_reaches_no_network_of_its_evaluator(bench: Bench) -> None:
    script = "import socket\nsocket.socketpair()\nsocket.socket()"
    done = evaluated(bench, f'$EVOLVE_RUN python3 -c "{script}"')
    assert b"PermissionError" in done.stderr


def test_what_a_program_leaves_behind_is_ended_with_it(bench: Bench) -> None:
    script = "$EVOLVE_RUN sh prog.sh; ps -e -o args | grep -c '[s]leep 77'; :"
    done = evaluated(bench, script, "(setsid sleep 77 &); sleep 77 & exit 5")
    assert done.stdout == b"0\n"


def test_program_can_have_a_limit_of_its_own(bench: Bench) -> None:
    done = evaluated(bench, "$EVOLVE_RUN --seconds 0.1 sleep 60; echo $?")
    assert done.stdout == b"124\n"
    assert done.usage.wall < 20


@pytest.mark.parametrize("cost", ["wall", "cpu", "instructions"])
def test_costs_of_all_calls_are_added(bench: Bench, cost: str) -> None:
    loop = "n=0; while [ $n -lt 3000 ]; do n=$((n+1)); done"
    once = evaluated(bench, "$EVOLVE_RUN --cost sh prog.sh", loop, cost)
    if once.code == 125 and not shutil.which("valgrind"):
        pytest.skip("instructions cannot be counted here: no perf_event_open, no valgrind")
    twice = evaluated(bench, "for n in 1 2; do $EVOLVE_RUN --cost sh prog.sh; done", loop, cost)
    free = evaluated(bench, "$EVOLVE_RUN sh prog.sh", loop, cost)
    assert once.cost is not None
    assert twice.cost is not None
    assert (free.cost, free.cost_kind) == (None, "")
    assert once.cost_kind in ({"instructions", "callgrind"} if cost == "instructions" else {cost})
    if cost == "instructions":
        assert abs(twice.cost / once.cost - 2) < 0.01
        assert once.usage.instructions == once.cost
    else:
        assert 0 < once.cost < 10
        assert twice.cost > 0


def test_program_cannot_add_to_its_cost_or_reach_the_watcher(bench: Bench) -> None:
    program = "echo 'cpu -5' >>/scratch/costs; kill -STOP 1; :"
    done = evaluated(bench, "$EVOLVE_RUN --cost sh prog.sh", program, "cpu")
    assert done.end is JobEnd.EXITED
    assert done.cost is not None
    assert done.cost > 0


def test_wrong_option_is_told(bench: Bench) -> None:
    done = evaluated(bench, "$EVOLVE_RUN --cots true")
    assert (done.code, b"usage" in done.stderr) == (125, True)
