"""The tiers of the tests, by folder: what each may cost, which part of `deep` runs today, a table.

A pytest plug-in. Work is processor time, of a test and of what it starts and waits for, in seconds
of the machine that the budgets were written on: a fixed piece of work is timed now and then, so
that a slow machine, or one that is busy, fails nobody.
"""

import os
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parent
# tier -> seconds of work, all its tests together (of `deep`: all five parts).
BUDGETS = {"pure": 70.0, "parts": 320.0, "whole": 350.0, "deep": 2100.0}
MOST = 1.5  # of a budget: more than that fails the run
PARTS = 5
# Of these files, which are long, each part has a fifth of the tests; of the others, whose tests
# share what is dear to make, each part has some whole.
BY_TEST = frozenset(
    {
        "test_attack_matrix.py",
        "test_colony_kills.py",
        "test_fuzz.py",
        "test_interruptions.py",
        "test_kills.py",
        "test_machine_says_no.py",
        "test_rust_batch_equals_solo.py",
        "test_rust_hostile_crates.py",
        "test_rust_killed.py",
        "test_scaffolds_of_languages.py",
    }
)
# Of forty thousand, the one that deals the seconds of 2026-11 most evenly (within 3 of a hundred).
SALT = 10543
DEEP = "EVOLVE_DEEP"  # "3/5": the third part of `deep`; "all"
# Those that take longest come first, so that no worker is left alone with them at the end.
ORDER = ("whole", "deep", "parts", "pure")
_WORK = "work"
_KNOWN = "tiers/seconds"  # in pytest's cache: seconds of work of each file, when it last ran
_TICKS = os.sysconf("SC_CLK_TCK")


def tier_of(path: Path) -> str:
    """The folder below tests/ that a file is in: its tier."""
    first = path.resolve().relative_to(TESTS).parts[0]
    assert first in BUDGETS, f"{path}: a test lies in a folder of its tier: {', '.join(BUDGETS)}"
    return first


@dataclass(frozen=True)
class Share:
    """Part `part` of PARTS of the deep tests, or (None) all of them."""

    part: int | None

    @classmethod
    def of_today(cls) -> "Share":
        told = (
            os.environ.get(DEEP) or f"{datetime.now(UTC).timetuple().tm_yday % PARTS + 1}/{PARTS}"
        )
        if told == "all":
            return cls(None)
        part, _, of = told.partition("/")
        if not part.isdecimal() or of != str(PARTS) or not 1 <= int(part) <= PARTS:
            raise pytest.UsageError(
                f'{DEEP} is {told!r}: say "1/{PARTS}" to "{PARTS}/{PARTS}", or "all"'
            )
        return cls(int(part))

    def has(self, name: str) -> bool:
        """Of a test by its node id below tests/deep."""
        file = name.partition("::")[0].rpartition("/")[2]
        dealt = name if file in BY_TEST else file
        return self.part is None or zlib.crc32(f"{SALT} {dealt}".encode()) % PARTS + 1 == self.part

    def __str__(self) -> str:
        return "all" if self.part is None else f"{self.part}/{PARTS}"


# What is selected, and in which order.


def pytest_configure(config: pytest.Config) -> None:
    for tier in BUDGETS:
        config.addinivalue_line("markers", f"{tier}: a test of this tier; the folder says it")
    config.pluginmanager.register(Tiers(config), "evolve-tiers")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Before anybody selects by a marker."""
    for item in items:
        item.add_marker(tier_of(item.path))


class Tiers:
    """Of one run: of its workers, what their tests cost; of its controller, the table."""

    def __init__(self, config: pytest.Config):
        self._config = config
        self._share = Share.of_today()
        os.environ[DEEP] = str(self._share)  # the workers', too, whatever the hour
        self._is_worker = hasattr(config, "workerinput")
        self._pace = Pace()
        self._before = 0.0
        self._seen = Seen()

    def pytest_report_header(self) -> str:
        return f"deep: {self._told()}; to repeat this: {DEEP}={self._share}; all: make test-deep"

    def _told(self) -> str:
        part = self._share.part
        return "all of it" if part is None else f"part {part} of {PARTS}"

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """The part of `deep`, then the slowest files first."""
        if not self._asked_for_by_name():
            left = [item for item in items if not self._runs(item)]
            config.hook.pytest_deselected(items=left)
            items[:] = [item for item in items if self._runs(item)]
        known = self._known()
        items.sort(key=lambda item: (-known.get(_file(item), 0.0), ORDER.index(tier_of(item.path))))
        if not self._is_worker:
            self._seen.deep(item.nodeid for item in items)

    def _runs(self, item: pytest.Item) -> bool:
        return tier_of(item.path) != "deep" or self._share.has(item.nodeid.partition("/deep/")[2])

    def _asked_for_by_name(self) -> bool:
        """A file or a test of `deep` that is named is run, whatever the day."""
        return any("tests/deep/" in word and ".py" in word for word in self._config.args)

    def _known(self) -> dict[str, float]:
        cache = getattr(self._config, "cache", None)
        return {} if cache is None else dict(cache.get(_KNOWN, {}))

    # What a test costs.

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        self._before = work_so_far()
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Iterator[None]:
        try:
            return (yield)
        finally:
            done = (work_so_far() - self._before) / self._pace.now()
            item.user_properties.append((_WORK, round(done, 4)))

    # The table, in the controller or where there are no workers.

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: object, ids: list[str]) -> None:
        self._seen.deep(ids)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "teardown" and not self._is_worker:
            work = sum(value for name, value in report.user_properties if name == _WORK)
            self._seen.add(report.nodeid, work)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if self._is_worker or not self._seen.tests:
            return
        cache = getattr(self._config, "cache", None)
        if cache is not None:
            cache.set(_KNOWN, {**self._known(), **self._seen.files})
        if exitstatus == pytest.ExitCode.OK and self._seen.over(self._share):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        seen = self._seen
        if self._is_worker or not seen.tests:
            return
        terminalreporter.section("tiers")
        if seen.deep_tests:
            files = ", ".join(sorted(seen.deep_files))
            terminalreporter.write_line(
                f"deep: {self._told()}, {seen.deep_tests} tests, files: {files}"
            )
        terminalreporter.write_line(
            f"{'tier':<6} {'tests':>6} {'work':>8} {'budget':>8}  (seconds)"
        )
        for tier in BUDGETS:
            if seen.tests[tier]:
                row = f"{tier:<6} {seen.tests[tier]:>6} {seen.work[tier]:>8.1f}"
                terminalreporter.write_line(f"{row} {budget_of(tier, self._share):>8.1f}")
        for tier in seen.over(self._share):
            terminalreporter.write_line(
                f"FAILED: the tests of {tier} take more than {MOST:g} times their budget "
                "(tests/tiers.py): make them quicker, or say there why it is worth it",
                red=True,
            )


@dataclass
class Seen:
    """What has run: tests and work of each tier, work of each file; what of `deep` was selected."""

    tests: Counter[str] = field(default_factory=Counter)
    work: Counter[str] = field(default_factory=Counter)
    files: Counter[str] = field(default_factory=Counter)
    deep_tests: int = 0
    deep_files: set[str] = field(default_factory=set)

    def deep(self, ids: Any) -> None:
        mine = [one for one in ids if "/deep/" in one]
        self.deep_tests = len(mine)
        self.deep_files = {Path(one.partition("::")[0]).name for one in mine}

    def add(self, nodeid: str, work: float) -> None:
        tier = nodeid.split("/")[1]
        self.tests[tier] += 1
        self.work[tier] += work  # type: ignore[assignment]
        self.files[nodeid.partition("::")[0]] += work  # type: ignore[assignment]

    def over(self, share: Share) -> list[str]:
        return [tier for tier in BUDGETS if self.work[tier] > MOST * budget_of(tier, share)]


def budget_of(tier: str, share: Share) -> float:
    part = PARTS if tier == "deep" and share.part is not None else 1
    return BUDGETS[tier] / part


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


# Processor time.


def work_so_far() -> float:
    """Seconds of processor time: ours, that of children who have ended, and of those who live
    and of their own (proc(5): utime, stime, cutime, cstime)."""
    used = time.process_time()
    ended = os.times()
    used += ended.children_user + ended.children_system
    for pid in _children():
        with suppress(OSError, ValueError, IndexError):
            text = Path(f"/proc/{pid}/stat").read_bytes()
            fields = text[text.rindex(b")") + 2 :].split()
            used += sum(map(int, fields[11:15])) / _TICKS
    return used


def _children() -> list[str]:
    with suppress(OSError):
        return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return []


class Pace:
    """How slow this machine is now: 1.0 as the one that the budgets were written on."""

    EVERY = 5.0  # seconds between two measurements
    ON_THAT_MACHINE = 0.0115  # seconds that the piece of work takes there

    def __init__(self) -> None:
        self._at = -self.EVERY
        self._pace = 1.0

    def now(self) -> float:
        if time.monotonic() - self._at >= self.EVERY:
            self._pace = max(1.0, min(map(self._measured, range(2))) / self.ON_THAT_MACHINE)
            self._at = time.monotonic()
        return self._pace

    @staticmethod
    def _measured(_: int) -> float:
        begun = time.process_time()
        found: dict[str, int] = {}
        for number in range(50_000):
            found[str(number % 997)] = number
        return time.process_time() - begun
