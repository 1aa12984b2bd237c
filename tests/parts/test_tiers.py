"""The tiers of the tests themselves: the share of a day, the table, budgets, what is made once."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import made_once
import pytest
from tiers import BUDGETS, DEEP, PARTS, Pace, Share, work_so_far

ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
TIERS = Path(made_once.__file__).with_name("tiers.py")
QUICK = "import pytest\n@pytest.mark.parametrize('n', range(20))\ndef test_{name}(n): pass\n"
SLOW = (
    "import time\ndef test_slow():\n    begun = time.process_time()\n"
    "    while time.process_time() - begun < 0.3: pass\n"
)


WORKERS = pytest.mark.parametrize(
    "workers", [(), ("-n", "2", "--dist", "loadfile")], ids=["alone", "workers"]
)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A folder of tests like ours, with a budget of a tenth of a second for `parts`."""
    tests = tmp_path / "tests"
    for tier in BUDGETS:
        (tests / tier / "room").mkdir(parents=True)
        (tests / tier / "room" / f"test_{tier}.py").write_text(QUICK.format(name=tier))
    text = TIERS.read_text().replace(f'"parts": {BUDGETS["parts"]}', '"parts": 0.1')
    text = text.replace("test_attack_matrix.py", "test_deep.py")  # whose tests are dealt one by one
    (tests / "tiers.py").write_text(text)
    (tests / "conftest.py").write_text('pytest_plugins = ["tiers"]\n')
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\ntestpaths = tests\naddopts = --strict-markers\n"
    )
    return tmp_path


def run(house: Path, *words: str, deep: str = "", code: int = 0) -> str:
    environment = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    environment.pop(DEEP, None)
    plugins = ("-p", "no:cacheprovider", *(("-p", "xdist") if "-n" in words else ()))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, *words],
        cwd=house,
        env={**environment, **ALONE, **({DEEP: deep} if deep else {})},
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def deep_tests(out: str) -> set[str]:
    return {word for line in out.splitlines() for word in line.split() if "test_deep[" in word}


@WORKERS
def test_a_fifth_of_deep_runs_and_is_said_aloud(house: Path, workers: tuple[str, ...]) -> None:
    told = run(house, *workers)
    today = f"part {time.gmtime().tm_yday % PARTS + 1} of {PARTS}"
    count = int(next(line for line in told.splitlines() if line.startswith("deep  ")).split()[1])
    assert 0 < count < 20
    assert f"deep: {today}, {count} tests, files: test_deep.py" in told
    assert f"to repeat this: {DEEP}=" in told


def test_the_parts_are_all_of_deep_and_each_is_the_same_again(house: Path) -> None:
    parts = [deep_tests(run(house, "-v", deep=f"{part}/{PARTS}")) for part in range(1, PARTS + 1)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 20
    assert deep_tests(run(house, "-v", deep=f"3/{PARTS}")) == parts[2]
    assert len(deep_tests(run(house, "-v", deep="all"))) == 20


def test_what_tests_of_a_file_share_is_made_for_one_part() -> None:
    names = [f"room/test_shares.py::test_deep[{number}]" for number in range(20)]
    parts = [[part for part in range(1, PARTS + 1) if Share(part).has(name)] for name in names]
    assert parts == [parts[0]] * 20 and len(parts[0]) == 1


def test_file_of_deep_that_is_named_runs_whole(house: Path) -> None:
    assert len(deep_tests(run(house, "-v", "tests/deep/room/test_deep.py"))) == 20


@pytest.mark.parametrize("told", ["6/5", "0/5", "3/4", "much"])
def test_share_that_is_none_is_refused(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DEEP, told)
    with pytest.raises(pytest.UsageError, match=f"{DEEP} is '{told}'"):
        Share.of_today()


def test_folder_gives_the_marker(house: Path) -> None:
    assert "20 passed" in run(house, "-m", "pure")


@WORKERS
def test_budget_passed_by_half_fails_the_run(house: Path, workers: tuple[str, ...]) -> None:
    assert "FAILED" not in run(house, *workers)
    (house / "tests" / "parts" / "room" / "test_slow.py").write_text(SLOW)
    told = run(house, *workers, code=1)
    assert "FAILED: the tests of parts take more than 1.5 times their budget" in told
    assert "1 failed" not in told


def test_test_outside_a_tier_is_no_test_of_ours(house: Path) -> None:
    (house / "tests" / "test_stray.py").write_text("def test_stray(): pass\n")
    assert "a test lies in a folder of its tier" in run(house, code=3)


def test_work_counts_what_children_do(tmp_path: Path) -> None:
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    before = work_so_far()
    with subprocess.Popen([sys.executable, "-c", busy + "\ninput()"], stdin=-1) as child:
        deadline = time.monotonic() + 60
        while work_so_far() - before < 0.3 and time.monotonic() < deadline:
            time.sleep(0.05)
        alive = work_so_far() - before
        child.communicate(b"\n")
    assert 0.3 <= alive <= work_so_far() - before < 5


def test_slow_machine_is_allowed_for() -> None:
    pace = Pace()
    pace.ON_THAT_MACHINE = 0.001  # type: ignore[misc]
    assert pace.now() > 2.0


# What is made once.


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(made_once, "CACHE", tmp_path / "made")
    return tmp_path / "made"


def test_many_who_want_it_at_once_get_the_one_that_is_made(cache: Path) -> None:
    made: list[Path] = []

    def make(folder: Path) -> None:
        made.append(folder)
        time.sleep(0.2)
        (folder / "it").write_text("made")

    got: list[Path] = []
    wanting = [
        threading.Thread(target=lambda: got.append(made_once.made_once("x", ["1"], make)))
        for _ in range(5)
    ]
    for one in wanting:
        one.start()
    for one in wanting:
        one.join()
    assert len(made) == 1
    assert {(folder / "it").read_text() for folder in got} == {"made"}


def test_other_content_is_made_anew_and_the_old_one_stays_a_day(
    cache: Path, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.rs").write_text("fn a() {}")
    first = made_once.made_once("x", [source], lambda folder: None)
    assert made_once.made_once("x", [source], lambda folder: pytest.fail("again")) == first
    (source / "a.rs").write_text("fn b() {}")
    second = made_once.made_once("x", [source], lambda folder: None)
    assert second != first and first.exists()
    yesterday = time.time() - made_once.KEPT_SECONDS - 1
    os.utime(first / ".whole", (yesterday, yesterday))
    made_once.made_once("x", [source], lambda folder: None)
    assert not first.exists() and second.exists()


def test_what_was_half_made_is_made_again(cache: Path) -> None:
    def dies(folder: Path) -> None:
        (folder / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made_once.made_once("x", [], dies)
    whole = made_once.made_once("x", [], lambda folder: (folder / "it").touch())
    assert sorted(path.name for path in whole.iterdir()) == [".whole", "it"]
