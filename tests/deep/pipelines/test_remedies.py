"""One cause is one row of the doctor, and what it says helps: each remedy is applied here."""

import errno
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from commands import EVOLVE
from project_support import ProjectUnderTest
from seccomp_filter import without_system_call

from evolve_ai.system.refusals import NOT_EXECUTED

EXECVEAT = {"x86_64": 322, "aarch64": 281}
LANDLOCK_CREATE_RULESET = 444
Rows = dict[str, dict[str, Any]]


def doctor(
    project: ProjectUnderTest, *words: object, before: Sequence[object] = (), **env: str
) -> Rows:
    """The rows, by name."""
    argv = [*before, *EVOLVE, "doctor", "--json", "--project", project.root, *words]
    done = subprocess.run(
        list(map(str, argv)),
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, **env},
        check=False,
    )
    assert "Traceback" not in done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert done.returncode == (0 if all(row["ok"] for row in rows.values()) else 1)
    assert "--unsafe" not in done.stdout
    return rows


def unwell(rows: Rows) -> dict[str, str]:
    """What was tried and is not well, with what would help."""
    return {name: row["todo"] for name, row in rows.items() if not row["ok"] and row["tried"]}


def not_tried(rows: Rows) -> set[str]:
    untried = {name: row["detail"] for name, row in rows.items() if not row["tried"]}
    causes = unwell(rows)
    for name, detail in untried.items():
        assert any(detail == f"not tried: {one} failed" for one in causes), (name, detail)
    return set(untried)


@pytest.fixture
def on_a_disk(calm: ProjectUnderTest, tmp_path: Path) -> Iterator[ProjectUnderTest]:
    """A project that lies on a disk of its own. Skips, aloud, where none can be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    argv = ["mount", "-t", "tmpfs", "-o", "size=4g", "tmpfs", str(place)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this user cannot mount a disk: {done.stderr.strip()}")
    root = place / "project"
    shutil.copytree(calm.root, root, symlinks=True)
    yield ProjectUnderTest(root)
    subprocess.run(["umount", "-l", str(place)], check=True)


def remount(project: ProjectUnderTest, options: str) -> None:
    argv = ["mount", "-o", f"remount,{options}", str(project.root.parent)]
    subprocess.run(argv, check=True)


def test_disk_where_nothing_may_be_executed(on_a_disk: ProjectUnderTest) -> None:
    project = on_a_disk
    remount(project, "noexec")
    rows = doctor(project)
    assert unwell(rows) == {"execution": NOT_EXECUTED}
    assert not_tried(rows) == {
        "keeper",
        "start",
        "evaluation box",
        "sandbox",
        "boxed start",
        "build",
    }
    done = project.evolve("life-cycle", "--cycles", 1, code=4)
    assert "noexec" in done.err
    assert "--unsafe" not in done.err
    remount(project, "exec")
    assert not unwell(doctor(project))


def test_disk_that_is_mounted_read_only(on_a_disk: ProjectUnderTest) -> None:
    project = on_a_disk
    remount(project, "ro")
    rows = doctor(project)
    assert unwell(rows).keys() == {"folders"}
    assert "how it is mounted" in unwell(rows)["folders"]
    assert not_tried(rows) >= {"named pipes", "keeper program", "execution", "start", "sandbox"}
    remount(project, "rw")
    assert not unwell(doctor(project))


@pytest.mark.parametrize(
    ("setting", "right"),
    [
        ("selection=nope:f", "selection=energy"),
        ("environment=nope:f", "environment=series"),
        ("variation=nope", "variation=standard"),
        ("environment.file=none.csv", "environment.file="),
    ],
)
def test_plugin_that_is_not_there(calm: ProjectUnderTest, setting: str, right: str) -> None:
    rows = doctor(calm, "--set", setting)
    assert unwell(rows).keys() == {"plug-ins"}, rows["plug-ins"]
    assert not not_tried(rows)
    if not right.endswith("="):
        assert not unwell(doctor(calm, "--set", right))


def test_substrate_that_is_not_there(calm: ProjectUnderTest) -> None:
    rows = doctor(calm, "--set", "substrate=nope")
    assert unwell(rows).keys() == {"substrate"}
    assert not_tried(rows) == {"plug-ins", "template", "sandbox", "boxed start"}
    assert not unwell(doctor(calm, "--set", "substrate=rust"))


def test_settings_with_a_slip(calm: ProjectUnderTest) -> None:
    file = calm.root / "evolve.toml"
    text = file.read_text()
    file.write_text(f"sead = 1\n{text}")
    rows = doctor(calm)
    assert unwell(rows).keys() == {"settings"}
    assert "did you mean seed" in rows["settings"]["detail"]
    assert not_tried(rows) == {"plug-ins", "template", "registry", "webhooks"}
    file.write_text(text)
    assert not unwell(doctor(calm))


def test_no_sandbox_in_the_settings(calm: ProjectUnderTest) -> None:
    rows = doctor(calm, "--set", "sandbox.level=none")
    assert unwell(rows) == {"sandbox": 'set sandbox.level = "landlock" (or "full") in evolve.toml'}
    assert rows["start"]["ok"]
    assert rows["build"]["ok"]
    assert not unwell(doctor(calm, "--set", "sandbox.level=landlock"))


def path_without(folder: Path, *names: str) -> str:
    """A PATH that has all that ours has but these."""
    folder.mkdir()
    for place in reversed(os.environ["PATH"].split(os.pathsep)):
        for file in Path(place).iterdir() if Path(place).is_dir() else ():
            if file.name not in names:
                (folder / file.name).unlink(missing_ok=True)
                (folder / file.name).symlink_to(file)
    return str(folder)


def test_no_bubblewrap_for_the_level_full(calm: ProjectUnderTest, tmp_path: Path) -> None:
    path = path_without(tmp_path / "bin", "bwrap")
    rows = doctor(calm, "--set", "sandbox.level=full", PATH=path)
    assert unwell(rows).keys() == {"sandbox"}
    assert "install bubblewrap" in unwell(rows)["sandbox"]
    assert 'sandbox.level = "landlock"' in unwell(rows)["sandbox"]
    assert not unwell(doctor(calm, "--set", "sandbox.level=landlock", PATH=path))
    if shutil.which("bwrap"):
        assert not unwell(doctor(calm, "--set", "sandbox.level=full"))


def test_no_linker(calm: ProjectUnderTest, tmp_path: Path) -> None:
    path = path_without(tmp_path / "bin", "cc", "gcc", "clang")
    rows = doctor(calm, PATH=path)
    assert unwell(rows) == {"cc": "install gcc or clang, and put it on PATH"}
    assert not_tried(rows) == {"build"}
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler is not None
    (Path(path) / "cc").symlink_to(compiler)
    assert not unwell(doctor(calm, PATH=path))


def filtered(folder: Path, number: int, answer: int) -> tuple[str, ...]:
    """Words before a command for which this system call is not there. Skips, aloud."""
    program = folder / "filter"
    program.write_bytes(without_system_call(number, answer))
    words = ("sh", "-c", f'exec 9<{program}; exec bwrap --dev-bind / / --seccomp 9 "$@"', "sh")
    trial = subprocess.run([*words, "true"], capture_output=True, text=True, check=False)
    if trial.returncode:
        pytest.skip(f"bubblewrap cannot put a filter here: {trial.stderr.strip()}")
    return words


def test_kernel_without_landlock(calm: ProjectUnderTest, tmp_path: Path) -> None:
    words = filtered(tmp_path, LANDLOCK_CREATE_RULESET, errno.ENOSYS)
    rows = doctor(calm, before=words)
    assert unwell(rows).keys() == {"sandbox"}
    assert "landlock among its security modules" in unwell(rows)["sandbox"]
    assert not_tried(rows) == {"boxed start", "build"}
    assert not unwell(doctor(calm))


def test_container_that_executes_no_open_file(calm: ProjectUnderTest, tmp_path: Path) -> None:
    number = EXECVEAT.get(platform.machine())
    if number is None:
        pytest.skip(f"the number of execveat on {platform.machine()} is not known here")
    words = filtered(tmp_path, number, errno.EPERM)
    rows = doctor(calm, before=words)
    assert unwell(rows).keys() == {"start"}
    assert "execveat" in unwell(rows)["start"]
    assert not_tried(rows) == {"sandbox", "boxed start", "build"}
    assert not unwell(doctor(calm))


def test_few_processes(calm: ProjectUnderTest) -> None:
    group = Path("/sys/fs/cgroup/pids") / f"evolve-remedy-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group for pids can be made here: {error}")
    try:
        words = ("sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh")
        (group / "pids.max").write_text("14")
        rows = doctor(calm, before=words)
        assert "processes" in unwell(rows)
        assert all("pids.max" in todo for todo in unwell(rows).values()), unwell(rows)
        (group / "pids.max").write_text("500")
        assert not unwell(doctor(calm, before=words))
    finally:
        group.rmdir()


def test_few_descriptors(calm: ProjectUnderTest) -> None:
    rows = doctor(calm, before=("prlimit", "--nofile=110:110"))
    assert unwell(rows).keys() == {"file descriptors"}
    assert "ulimit -Hn" in unwell(rows)["file descriptors"]
    assert not unwell(doctor(calm, before=("prlimit", "--nofile=1024:1024")))


@pytest.mark.parametrize("name", ["a:b", "100%", "a\nb", "a\tb", "tr\u2028ap"])
def test_path_that_nothing_can_be_built_in(
    copy_of: Callable[..., ProjectUnderTest], calm_project: Path, name: str
) -> None:
    project = copy_of(calm_project, name)
    before = sorted(path.name for path in project.root.iterdir())
    rows = doctor(project)
    assert unwell(rows) == {"path": "choose another name for the folder"}
    assert not_tried(rows) == {"build"}
    for words in (("init", 1), ("life-cycle", "--cycles", 1), ("build",), ("exam",)):
        done = project.evolve(*words, code=2)
        assert "choose another name" in done.err
    assert project.status()["population"]["alive"] > 0, "it can be looked at"
    project.evolve("stop")
    assert sorted(path.name for path in project.root.iterdir()) == before
    project.root = project.root.rename(project.root.with_name("plain"))
    assert not unwell(doctor(project))
