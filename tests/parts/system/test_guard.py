"""Calls of foreign code: whatever it does, what comes is a PluginError that names it."""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evolve_ai.model.errors import PluginError, SeriesError
from evolve_ai.system.guard import Guard, WrongValueError, described, shown

HERE = Path(__file__)


class Strange(BaseException):
    """Of which nothing can be shown."""

    def __str__(self) -> str:
        raise SystemExit(3)

    __repr__ = __str__


class Unspeakable:
    def __repr__(self) -> str:
        raise ValueError("no")

    def __eq__(self, other: object) -> bool:
        raise ValueError("no")

    __hash__ = None  # type: ignore[assignment]


def guard(seconds: float = 30.0) -> Guard:
    return Guard("environment", "mine:World", seconds, Path("/nowhere"))


def called(make: Callable[[], Any], seconds: float = 30.0) -> Any:
    return guard(seconds).call("percepts", make, lambda answer: answer)


def failure(make: Callable[[], Any], seconds: float = 30.0) -> str:
    with pytest.raises(PluginError) as error:
        called(make, seconds)
    assert "the environment 'mine:World': percepts()" in error.value.what
    assert error.value.todo
    assert error.value.exit_code == 2
    return str(error.value)


def raiser(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def recurse() -> None:
    recurse()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyError("fitness"), "KeyError: 'fitness'"),
        (SystemExit(0), "SystemExit: 0"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (GeneratorExit(), "GeneratorExit"),
        (StopIteration(5), "StopIteration: 5"),
        (MemoryError(), "MemoryError"),
        (Strange(), "Strange"),
        (ValueError("two\nlines"), "ValueError: two lines"),
        (ValueError("x" * 10_000), "ValueError: xxx"),
    ],
)
def test_exception_of_any_kind_is_told_with_its_place(error: BaseException, words: str) -> None:
    told = failure(raiser(error))
    assert words in told
    assert f"{HERE}:" in told
    assert len(told) < 1000


def test_endless_recursion_is_told() -> None:
    depth = sys.getrecursionlimit()
    assert "RecursionError" in failure(recurse)
    assert sys.getrecursionlimit() == depth


def test_errors_of_ours_pass() -> None:
    """A world that reads its own data says where they are wrong."""
    with pytest.raises(SeriesError):
        called(raiser(SeriesError("is empty", where="data.csv")))


def loop() -> None:
    while True:
        pass


def swallow_some() -> None:
    for _ in range(3):
        try:
            time.sleep(1000)
        except BaseException:
            continue
    time.sleep(1000)


@pytest.mark.parametrize(
    "endless",
    [
        loop,
        lambda: time.sleep(1000),
        threading.Event().wait,
        lambda: subprocess.run(["sleep", "1000"], check=False),
        lambda: [None for _ in itertools.count()] and None,
        swallow_some,
    ],
    ids=["loop", "sleep", "wait", "subprocess", "memory", "swallows"],
)
def test_what_never_returns_is_interrupted(endless: Callable[[], Any]) -> None:
    assert "did not return within 0.3 s" in failure(endless, seconds=0.3)


def test_a_check_that_never_ends_is_interrupted_too() -> None:
    with pytest.raises(PluginError, match="did not return"):
        guard(0.3).call("percepts", itertools.count, lambda endless: [None for _ in endless])


def test_wrong_value_is_told_after_the_name() -> None:
    def refuse(answer: object) -> None:
        raise WrongValueError(f"returned {shown(answer)}")

    with pytest.raises(PluginError, match=r"percepts\(\) returned an object of Unspeakable"):
        guard().call("percepts", Unspeakable, refuse)


def test_what_belongs_to_the_process_is_put_back(tmp_path: Path) -> None:
    def wild() -> None:
        os.chdir(tmp_path)
        os.umask(0o777)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.alarm(1)
        sys.setrecursionlimit(5000)
        sys.stdout = None  # type: ignore[assignment]
        warnings.simplefilter("error")

    before = (Path.cwd(), signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))
    stdout, depth, filters = sys.stdout, sys.getrecursionlimit(), list(warnings.filters)
    called(wild)
    assert (Path.cwd(), signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert (sys.stdout, sys.getrecursionlimit(), list(warnings.filters)) == (stdout, depth, filters)
    left, _ = signal.getitimer(signal.ITIMER_REAL)
    assert left == 0.0 or left > 1.0, "that of whoever runs this test goes on"
    mask = os.umask(0o022)
    os.umask(mask)
    assert mask != 0o777


def test_a_signal_of_the_users_goes_on_though_it_is_swallowed() -> None:
    class StopNow(BaseException):
        pass

    def stop(number: int, frame: object) -> None:
        raise StopNow

    def stubborn() -> str:
        try:
            os.kill(os.getpid(), signal.SIGUSR2)
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        except BaseException:
            return "nothing was heard"
        return "nothing came"

    before = signal.signal(signal.SIGTERM, stop)
    other = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    try:
        with pytest.raises(StopNow):
            called(stubborn)
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGUSR2, other)


def test_in_another_thread_only_time_is_not_bounded() -> None:
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(failure(raiser(SystemExit(1)))))
    thread.start()
    thread.join()
    assert "SystemExit: 1" in found[0]


def test_descriptions_never_raise() -> None:
    assert described(Strange()) == "Strange"
    assert "no repr" in shown(Unspeakable())
    assert len(shown("x" * 10_000)) <= 80


CHILD = """
import os, signal, sys, time
from pathlib import Path
from evolve_ai.system.guard import Guard
from evolve_ai.system.plugin_output import divert

def swallow():
    while True:
        try:
            time.sleep(100)
        except BaseException:
            pass

def in_c():
    sum(iter(int, 1))

def say():
    print("from print")
    os.write(1, b"from a descriptor\\n")
    os.system("echo from a child; echo and its errors >&2")

def flood():
    while True:
        os.write(1, b"x" * 100_000)

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
divert(Path(sys.argv[2]))
print("ours begins", flush=True)
guard = Guard("environment", "mine:World", float(sys.argv[3]), Path(sys.argv[2]))
try:
    guard.call("percepts", globals()[sys.argv[1]], lambda answer: answer)
except BaseException as error:
    print(type(error).__name__, flush=True)
print("ours ends")
"""


def child(what: str, logs: Path, seconds: float) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, what, str(logs), str(seconds)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_what_plugins_print_is_in_a_log_of_its_own(tmp_path: Path) -> None:
    with child("say", tmp_path, 30) as process:
        out, err = process.communicate()
    assert (out, err) == ("ours begins\nours ends\n", "")
    logged = (tmp_path / "plugins.log").read_text().splitlines()
    assert sorted(logged) == [
        "and its errors", "from a child", "from a descriptor", "from print",
    ]  # fmt: skip


def test_a_flood_is_cut(tmp_path: Path) -> None:
    with child("flood", tmp_path, 2) as process:
        out, _ = process.communicate()
    assert out == "ours begins\nPluginError\nours ends\n"
    assert sum(path.stat().st_size for path in tmp_path.glob("plugins.log*")) < 20 * 2**20


def test_who_swallows_every_interruption_ends_the_process(tmp_path: Path) -> None:
    with child("swallow", tmp_path, 0.1) as process:
        out, err = process.communicate()
    assert (process.returncode, out) == (1, "ours begins\n")
    assert "does not end, though it was interrupted 5 times" in err


def test_code_in_c_that_hears_nobody_ends_with_its_processor_time(tmp_path: Path) -> None:
    with child("in_c", tmp_path, 0.1) as process:
        _, err = process.communicate()
    assert process.returncode == -signal.SIGXCPU
    assert "in in_c" in err


def test_a_second_ctrl_c_ends_code_in_c(tmp_path: Path) -> None:
    with child("in_c", tmp_path, 1000) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ours begins\n"
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
            time.sleep(0.1)
    assert process.returncode in (-signal.SIGINT, 0)
