"""The harness names what a function returns; a warm server does the same, and keeps nothing."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from runners_support import Bench, opened, skip_without_namespaces

from evolve_ai.model.job import JobEnd, Outcome

GOOD = "def evaluate(program):\n    return {'score': 1}\n"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, keeper: Path) -> Iterator[Bench]:
    with opened(tmp_path_factory.mktemp("runner"), keeper) as bench:
        yield bench


def told(done: Outcome) -> dict[str, object]:
    assert done.end is JobEnd.EXITED, done
    return json.loads(done.files["result.json"])  # type: ignore[no-any-return]


# One evaluator for all, so that one server does: the program says what it returns.
BY_PROGRAM = """
def evaluate(program, stage, seed=5):
    names = {"program": program, "stage": stage, "seed": seed}
    exec(compile(open(program).read(), "program.py", "exec"), names)
    return names["result"]
"""


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("result = {'score': 1.5, 'n': 3, 'ok': True}", {"score": 1.5, "n": 3, "ok": 1}),
        ("result = {'score': 1, 'text': 'é\\ud800'}", {"score": 1, "text": "é\ud800"}),
        (
            "result = {'score': 1, 'artifacts': {'a': b'x', 'b': 2}}",
            {"artifacts": {"a": "x", "b": "2"}},
        ),
        ("import decimal\nresult = {'score': decimal.Decimal('0.5')}", {"score": 0.5}),
        ("result = 2.5", {"score": 2.5}),
        ("result = {'stage': stage, 'seed': seed}", {"stage": "one", "seed": 7}),
        (
            "class E: metrics = {'a': 1}; artifacts = {'t': 'u'}\nresult = E()",
            {"a": 1, "artifacts": {"t": "u"}},
        ),
        ("result = None", {"evolve_fault": "no-result"}),
        ("result = [1, 2]", {"evolve_fault": "no-result"}),
        ("result = {'score': {'deep': 1}}", {"evolve_fault": "not-a-number"}),
        ("result = {'score': None}", {"evolve_fault": "not-a-number"}),
        ("result = {'score': 1j}", {"evolve_fault": "not-a-number"}),
        ("async def f(): return {}\nresult = f()", {"evolve_fault": "no-result"}),
        ("raise SystemExit", {"evolve_fault": "no-result"}),
        ("import os\nos.chdir('/')\nresult = {'score': 4}", {"score": 4}),
    ],
)
def test_return_value_is_written_or_named(
    bench: Bench, program: str, expected: dict[str, object]
) -> None:
    done = bench.evaluated(BY_PROGRAM, program, warm=True, words=("one", "7"))
    found = told(done)
    assert found | expected == found, found
    assert done.code == 0


def test_function_that_is_imported_for_each_evaluation_gives_the_same(bench: Bench) -> None:
    program = "print(program)\nresult = {'score': 1 / 3, 'artifacts': {'stage': stage}}"
    warm, cold = (
        bench.evaluated(BY_PROGRAM, program, warm=warm, words=("one", "7"))
        for warm in (True, False)
    )
    assert (warm.stdout, warm.stderr, warm.files) == (cold.stdout, cold.stderr, cold.files)
    assert (warm.end, warm.code) == (cold.end, cold.code)


def test_numbers_that_are_none_are_passed_on(bench: Bench) -> None:
    script = "result = {'a': float('nan'), 'b': float('inf'), 'c': -float('inf')}"
    done = bench.evaluated(BY_PROGRAM, script, warm=True, words=("one", "7"))
    assert done.files["result.json"] == b'{"a": NaN, "b": Infinity, "c": -Infinity}'


@pytest.mark.parametrize(
    ("program", "cause"),
    [("1 / 0", "crash"), ("raise MemoryError", "oom"), ("def (:", "syntax")],
)
def test_exception_is_a_fault_with_a_traceback(bench: Bench, program: str, cause: str) -> None:
    done = bench.evaluated(BY_PROGRAM, program, warm=True, words=("one", "7"))
    assert (told(done)["evolve_fault"], done.code) == (cause, 1)
    assert b"Traceback" in done.stderr or b"SyntaxError" in done.stderr


@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
def test_function_that_is_missing_or_cannot_be_imported_is_named(bench: Bench, warm: bool) -> None:
    assert told(bench.evaluated("x = 1\n", warm=warm))["evolve_fault"] == "no-result"
    done = bench.evaluated("import no_such_module\n", warm=warm)
    assert (told(done)["evolve_fault"], done.code) == ("crash", 1)
    assert b"no_such_module" in done.stderr


def is_warm(bench: Bench, evaluator: str, program: str = "") -> bool:
    """Was this function imported before the evaluation? Its server's pid is the parent's."""
    before = len(bench.runner.notes())
    told(bench.evaluated(evaluator, program, warm=True))
    return len(bench.runner.notes()) == before


@pytest.mark.parametrize(
    "preface",
    [
        "file = open('evaluate.py')",
        "import threading as t, time\nt.Thread(target=time.sleep, args=(9,), daemon=True).start()",
        "import subprocess\nchild = subprocess.Popen(['sleep', '9'])",
        "import mmap\nshared = mmap.mmap(-1, 4096)",
        "import os\nopen(os.environ['TMPDIR'] + '/x', 'w').close()",
        "import program",
        "import os\nseed = os.environ.get('EVOLVE_SEED', 0)",
    ],
)
def test_function_that_would_share_something_is_not_kept(bench: Bench, preface: str) -> None:
    skip_without_namespaces(bench)
    assert not is_warm(bench, f"{preface}\n{GOOD}")


def test_ordinary_function_is_kept(bench: Bench) -> None:
    skip_without_namespaces(bench)
    assert is_warm(
        bench, f"import json, os, random, re\nos.mkdir(os.environ['HOME'] + '/.x')\n{GOOD}"
    )


def test_variables_of_a_trial_are_its_own(bench: Bench) -> None:
    skip_without_namespaces(bench)
    evaluator = "import os\ndef evaluate(program): return {'s': os.environ['EVOLVE_SEED']}\n"
    for seed in ("1", "2"):
        done = bench.evaluated(evaluator, warm=True, env={"EVOLVE_SEED": seed, "SAME": "1"})
        assert told(done) == {"s": seed}


COUNTING = """
import os, random
state = []
def evaluate(program):
    state.append(1)
    names = {}
    exec(open(program).read(), names)
    import glob
    seen = [one for place in (os.environ["TMPDIR"], os.environ["HOME"], "/dev/shm", "/scratch/work")
            for one in os.listdir(place)]
    return {"count": len(state), "seen": " ".join(seen), "parent": os.getppid()}
"""


def test_evaluation_does_not_see_the_one_before(bench: Bench) -> None:
    skip_without_namespaces(bench)
    program = (
        "import os, sys, builtins\nbuiltins.left = 1\nos.environ['LEFT'] = '1'\n"
        "for p in (os.environ['TMPDIR'], '/dev/shm', '/scratch/work'): open(p + '/x', 'w').close()"
    )
    first = told(bench.evaluated(COUNTING, program, warm=True))
    later = "import os, builtins\nassert not hasattr(builtins, 'left') and 'LEFT' not in os.environ"
    second = told(bench.evaluated(COUNTING, later, warm=True))
    assert (second["count"], second["seen"]) == (1, "")
    assert first["parent"] == second["parent"] != 1


@pytest.mark.parametrize(
    "attack",
    [
        "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)",
        "import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)",
        "import ctypes, os\nassert ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) == 0",
        "import os\nopen(f'/proc/{os.getppid()}/mem', 'r+b')",
        "import os\nos.readlink(f'/proc/{os.getppid()}/fd/3')",
        "open('/task/evaluate.py', 'a')",
        "open('/evolve/harness.py', 'a')",
        "import socket\nsocket.socket(fileno=3).send(b'ended 0 0 0')",
    ],
)
def test_evaluation_cannot_touch_its_server(bench: Bench, attack: str) -> None:
    skip_without_namespaces(bench)
    done = bench.evaluated(COUNTING, attack, warm=True)
    assert (done.end, done.code) == (JobEnd.EXITED, 1), done


@pytest.mark.parametrize(
    "damage",
    [
        "import os\nos.setpriority(os.PRIO_PROCESS, os.getppid(), 10)",
        "import os\nos.sched_setaffinity(os.getppid(), {0})",
        "import os, resource\nresource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (5, 5))",
        "import os\nos.fork() or (os.setsid(), os.execlp('sleep', 'sleep', '60'))",
        "import socket\ns = socket.create_server(('127.0.0.1', 0))\n"
        "c = socket.create_connection(s.getsockname())\na, _ = s.accept()\na.close()\nc.close()",
    ],
)
def test_server_that_was_changed_is_replaced(bench: Bench, damage: str) -> None:
    skip_without_namespaces(bench)
    first = told(bench.evaluated(COUNTING, damage, warm=True))
    second = bench.evaluated(COUNTING, "", warm=True)
    assert (told(second)["count"], second.code) == (1, 0)
    third = told(bench.evaluated(COUNTING, "", warm=True))
    assert (first["count"], third["count"]) == (1, 1)
