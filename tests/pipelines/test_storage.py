"""A full disk and a read-only one: a clear message, and after it is put right life goes on."""

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from project_support import ProjectUnderTest

Mount = Callable[..., Path]


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    """Mounts a tmpfs of so many bytes; skips where that is not allowed."""
    places: list[Path] = []

    def mounted(name: str, size: str) -> Path:
        place = tmp_path / name
        place.mkdir()
        argv = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"this user cannot mount a small disk: {done.stderr.strip()}")
        places.append(place)
        return place

    yield mounted
    for place in places:
        subprocess.run(["umount", "-l", str(place)], check=True)


def remount(place: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True)


@pytest.fixture
def on_small_disk(
    mount: Mount, empty_project: Path, shared_workspace: Path
) -> Iterator[ProjectUnderTest]:
    """A project on a disk of its own; its programs are built elsewhere."""
    root = mount("disk", "3m") / "project"
    shutil.copytree(empty_project, root)
    for name in ("build", "store"):
        (shared_workspace / name).mkdir(exist_ok=True)
        (root / "workspace" / name).symlink_to(shared_workspace / name)
    project = ProjectUnderTest(root)
    yield project
    assert not project.clean_up()


def test_full_disk_ends_init_with_a_word_and_init_goes_on(on_small_disk: ProjectUnderTest) -> None:
    project = on_small_disk
    done = project.evolve("init", 60, code=1)
    assert "full" in done.err
    assert not project.processes()
    remount(project.root.parent, "size=16m")
    project.evolve("init", 60)
    assert project.status()["population"]["alive"] == 60


def test_full_disk_ends_a_life_cycle_with_a_word_and_life_goes_on(
    on_small_disk: ProjectUnderTest,
) -> None:
    project = on_small_disk
    remount(project.root.parent, "size=16m")
    project.evolve("init", 4)
    project.live(1)
    filler = project.root / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    done = project.live(5, code=1)
    assert "full" in done.err
    assert not project.processes()
    filler.unlink()
    before = project.status()["cycle"]
    project.live(1)
    assert project.status()["cycle"] == before + 1
    seqs = [event["seq"] for event in project.events()]
    assert seqs == project.recorded()


def test_read_only_project_is_named(on_small_disk: ProjectUnderTest) -> None:
    project = on_small_disk
    project.evolve("init", 2)
    remount(project.root.parent, "ro")
    for words in (("init", 2), ("life-cycle", "--cycles", 1), ("exam",)):
        done = project.evolve(*words, code=1)
        assert str(project.root) in done.err
        assert "read-only" in done.err.lower()
    done = project.evolve("doctor", code=1)
    assert "NO  folders" in done.out
    remount(project.root.parent, "rw")
