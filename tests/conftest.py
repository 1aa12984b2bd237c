"""Projects for tests of the whole: founded once, copied for each test; nothing may be left."""

import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from commands import close_servers, evolve
from hypothesis import settings
from made_once import ROOT, made_once
from project_support import SEED, UNDYING, ProjectUnderTest, clone

from evolve_ai.colony.keeper_cache import keep
from evolve_ai.colony.keeper_program import keeper_program
from evolve_ai.system import cgroup

pytest_plugins = ["tiers"]

# What the tests of a room share lies in tests/<room>, whatever tiers these tests are in.
for room in (
    "archives",
    "attacks",
    "colony",
    "environments",
    "executors",
    "fuzz",
    "languages",
    "notifications",
    "pipelines",
    "runners",
    "search",
    "selection",
    "stages",
    "substrates",
    "substrates/rust",
    "system",
):
    sys.path.append(str(Path(__file__).parent / room))

# A busy machine must fail no law, and a hundred examples of each make a long wait.
settings.register_profile("house", deadline=None, max_examples=50)
settings.load_profile("house")

TICKS = 12
COUNT = 8
CALM_COUNT = 11


def pytest_collection_finish() -> None:
    """What has been collected lasts: whoever looks for garbage need not walk through it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _temporary_files_stay_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What a command that is killed leaves among the temporary files goes with the tests' own, and
    so does the cache of the user."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("tmp")))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _interrupts_are_heard() -> Iterator[None]:
    """A shell's background job ignores SIGINT, what nohup starts SIGHUP, and so would all that
    they start. A signal that is handled is ignored here, yet heard by those."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGHUP)}
    if before[signal.SIGINT] is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if before[signal.SIGHUP] is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda number, frame: None)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session", autouse=True)
def _servers_end() -> Iterator[None]:
    yield
    close_servers()


def held() -> set[tuple[str, str]]:
    """Descriptors and what they stand for; what earlier tests still close does not matter."""
    gc.collect()
    found = set()
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - the listing's own one is gone
        with suppress(FileNotFoundError):
            found.add((name, os.readlink(f"/proc/self/fd/{name}")))  # noqa: PTH115
    return found


@pytest.fixture
def nothing_left() -> Iterator[None]:
    me = psutil.Process()
    before, children = held(), set(me.children(recursive=True))
    yield
    left = set(me.children(recursive=True)) - children
    for process in left:
        process.kill()
    assert not left, f"processes left behind: {left}"
    assert held() - before == set(), "descriptors left behind"


@pytest.fixture(scope="session")
def keeper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of the keeper, compiled once for all runs; in a place of this one."""
    made_of = [ROOT / "evolve_ai" / "keeper" / "src", ROOT / "evolve_ai/colony/keeper_recipe.py"]
    made = made_once("keeper", made_of, keeper_program)
    workspace = tmp_path_factory.mktemp("keeper")
    shutil.copytree(made / "keeper", workspace / "keeper")
    return keeper_program(workspace)


@pytest.fixture(scope="session")
def keeper_in_cache(keeper: Path, _temporary_files_stay_here: None) -> None:
    """New projects copy the keeper from the user's cache; else each worker would compile one."""
    keep(keeper)


@pytest.fixture
def bare_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A real control group that passes for our own, and whose groups have no limits: those are not
    handed down to everybody, but joining works the same. Skips, aloud, where none can be made."""
    ours = cgroup.own_group()
    home = (ours or Path("/nonexistent")) / f"evolve-test-{os.getpid()}"
    try:
        home.mkdir()
    except OSError as error:
        pytest.skip(f"no group of cgroup v2 can be made here: {error}")
    monkeypatch.setattr(cgroup, "own_group", lambda: home)
    monkeypatch.setattr(cgroup, "_CONTROLLERS", ())
    monkeypatch.setattr(
        cgroup.Group, "_found", lambda group, *limits: group.folder.mkdir(exist_ok=True)
    )
    yield home
    left = [path for path in home.iterdir() if path.is_dir()]
    for folder in (*left, home):
        folder.rmdir()
    assert not left, f"groups left behind: {left}"


@pytest.fixture(scope="session")
def crate_registry(tmp_path_factory: pytest.TempPathFactory) -> None:
    """For tests that fetch crates: skips them, aloud, where no crate registry answers."""
    folder = tmp_path_factory.mktemp("crate_registry")
    manifest = '[package]\nname = "asks"\nedition = "2021"\nversion = "0.0.0"\n[workspace]\n'
    (folder / "Cargo.toml").write_text(f'{manifest}[dependencies]\nlibm = "=0.2.16"\n')
    (folder / "src").mkdir()
    (folder / "src" / "lib.rs").touch()
    done = subprocess.run(["cargo", "fetch"], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no crate registry answers: {' '.join(done.stderr.split())[:300]}")


@pytest.fixture(scope="session")
def shared_workspace(made_projects: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Store and build area of all projects of a run; the store begins with what was made once."""
    return Path(
        shutil.copytree(made_projects / "shared", tmp_path_factory.mktemp("shared") / "shared")
    )


def make_projects(folder: Path) -> None:
    """Those that tests begin with, and the store of what their agents run, below a folder."""
    made = Path(tempfile.mkdtemp())  # short: sockets have paths of some 100 characters
    empty = made / "empty"
    assert evolve("new", empty).code == 0
    # Should the tests be killed themselves, their agents and keepers do not wait long.
    ProjectUnderTest(empty).set(
        ticks=TICKS, seed=SEED, stop_grace=2.0, orphan_seconds=60, opt_level='"0"'
    )
    founded = clone(empty, made / "founded", made / "shared")
    # Workers take a second of processor time to begin with, and change nothing: tests that are
    # about them ask for some, those of an empty project have as many as users have.
    founded.set(workers=1)
    founded.evolve("init", COUNT)
    calm = clone(empty, made / "calm", made / "shared")
    calm.set(**UNDYING, mutation_rate=0.0, workers=1)
    calm.evolve("init", CALM_COUNT)
    calm.live(1)
    shutil.copytree(founded.root / "workspace" / "keeper", empty / "workspace" / "keeper")
    shutil.rmtree(made / "shared" / "build")  # cargo knows it by its path
    for project in (founded, calm):
        for name in ("build", "store"):
            (project.root / "workspace" / name).unlink()
    for part in ("empty", "founded", "calm", "shared"):
        shutil.move(made / part, folder / part)
    made.rmdir()


@pytest.fixture(scope="session")
def made_projects() -> Path:
    """What make_projects() made, once for all workers and runs."""
    of_ours = [Path(__file__), Path(__file__).with_name("project_support.py")]
    made_of = [ROOT / "evolve_ai", ROOT / "agent_template", *of_ours]
    return made_once("projects", made_of, make_projects)


@pytest.fixture(scope="session")
def empty_project(made_projects: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project fresh from `evolve new`, with short cycles."""
    root = tmp_path_factory.mktemp("empty") / "project"
    shutil.copytree(made_projects / "empty", root, symlinks=True)
    return root


@pytest.fixture(scope="session")
def lasting(
    empty_project: Path, shared_workspace: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., ProjectUnderTest]:
    """Copies a project (the empty one) for several tests, and changes settings of the copy."""

    def copy(source: Path = empty_project, **values: object) -> ProjectUnderTest:
        root = tmp_path_factory.mktemp("lasting") / "project"
        project = clone(source, root, shared_workspace)
        project.set(**values)
        return project

    return copy


@pytest.fixture(scope="session")
def founded_project(lasting: Callable[..., ProjectUnderTest], made_projects: Path) -> Path:
    """The empty project with COUNT founders, who have not lived yet."""
    return lasting(made_projects / "founded").root


@pytest.fixture(scope="session")
def calm_project(lasting: Callable[..., ProjectUnderTest], made_projects: Path) -> Path:
    """CALM_COUNT founders after their first cycle, in a world where nobody dies or mutates."""
    return lasting(made_projects / "calm").root


@pytest.fixture
def copy_of(tmp_path: Path, shared_workspace: Path) -> Iterator[Callable[..., ProjectUnderTest]]:
    """Copies a project; at the end nothing of any copy may run, and no pipe may be left."""
    copies: list[ProjectUnderTest] = []

    def copy(source: Path, name: str = "project") -> ProjectUnderTest:
        copies.append(clone(source, tmp_path / name, shared_workspace))
        return copies[-1]

    yield copy
    left = [told for project in copies for told in project.clean_up()]
    pipes = [pipe for project in copies for pipe in project.pipes()]
    for project in copies:
        shutil.rmtree(project.root, ignore_errors=True)
    assert not left, f"processes left behind: {left}"
    assert not pipes, f"pipes left behind: {pipes}"


@pytest.fixture
def project(copy_of: Callable[..., ProjectUnderTest], founded_project: Path) -> ProjectUnderTest:
    """COUNT founders who have not lived yet."""
    return copy_of(founded_project)


@pytest.fixture
def calm(copy_of: Callable[..., ProjectUnderTest], calm_project: Path) -> ProjectUnderTest:
    """CALM_COUNT founders after their first cycle; nobody dies by itself."""
    return copy_of(calm_project)


@pytest.fixture
def unfounded(copy_of: Callable[..., ProjectUnderTest], empty_project: Path) -> ProjectUnderTest:
    """A project without agents; its keeper is compiled."""
    return copy_of(empty_project)
