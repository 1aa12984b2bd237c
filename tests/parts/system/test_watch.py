"""Tests of the watcher, with real files and real inotify."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from evolve_ai.substrates.rust.gene_names import NAMES
from evolve_ai.system import watch
from evolve_ai.system.files import publish_if_changed
from evolve_ai.system.watch import SETTLE, Watcher

AGENTS = ("one", "two")
MODULES = "src/genes/mod.rs"
FIXED = ("src/lib.rs", "src/kernel/mod.rs", "src/kernel/agent.rs")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for agent in (*AGENTS, "newborn"):
        (tmp_path / agent / "src" / "genes").mkdir(parents=True)
        (tmp_path / agent / "state").mkdir()
        (tmp_path / agent / "genome.bin").write_bytes(b"genome")
        (tmp_path / agent / "src" / "genes" / "neural.rs").write_text("// gene")
    return tmp_path


@pytest.fixture(params=[None, 0], ids=["watched", "looked at"])
def watcher(
    folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Watcher]:
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.05)
    with Watcher(folder, NAMES, {MODULES}, most=request.param) as watcher:
        watcher.follow(AGENTS)
        yield watcher


def told(watcher: Watcher, seconds: float = 0.4) -> set[str]:
    """Everybody who is told of within this time."""
    found: set[str] = set()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        watcher.wait(0.02)
        found |= watcher.changed()
    return found


def test_who_is_left_alone_is_not_told_of(watcher: Watcher, folder: Path) -> None:
    (folder / "one" / "agent.log").write_text("a word")
    assert told(watcher) == set()


def test_file_above_the_gene_folder_is_told_of(watcher: Watcher, folder: Path) -> None:
    (folder / "one" / "src" / "mine.rs").write_text("// mine")
    assert told(watcher) == {"one"}


@pytest.fixture(params=[None, 0], ids=["watched", "looked at"])
def keeping(
    folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Watcher]:
    """One that knows of fixed files, too."""
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.05)
    for agent in AGENTS:
        (folder / agent / "src" / "kernel").mkdir()
        for name in FIXED:
            (folder / agent / name).write_text("// fixed")
    generated = {MODULES, "src/main.rs", "Cargo.toml"}
    with Watcher(
        folder, NAMES, generated, most=request.param, fixed=FIXED, ignored={"Cargo.lock"}
    ) as watcher:
        watcher.follow(AGENTS)
        yield watcher


@pytest.mark.parametrize("name", FIXED)
def test_written_kernel_is_told_of(keeping: Watcher, folder: Path, name: str) -> None:
    (folder / "one" / name).write_text("// mine")
    assert told(keeping) == {"one"}


@pytest.mark.parametrize("name", ["build.rs", "src/mine.rs", "src/kernel/mine.rs"])
def test_file_that_does_not_belong_there_is_told_of(
    keeping: Watcher, folder: Path, name: str
) -> None:
    (folder / "two" / name).write_text("// mine")
    assert told(keeping) == {"two"}


def test_what_we_generate_and_logs_are_not_told_of_where_kernels_are_watched(
    folder: Path, keeping: Watcher, request: pytest.FixtureRequest
) -> None:
    if "looked at" in request.node.name:
        pytest.skip("who is looked at is looked at more closely then, which finds nothing")
    for name in ("src/main.rs", "Cargo.toml", "Cargo.lock"):
        publish_if_changed(folder / "one" / name, b"generated")
    (folder / "one" / "agent.log").write_text("a word")
    assert told(keeping) == set()


def test_written_and_renamed_genomes_are_told_of_once(watcher: Watcher, folder: Path) -> None:
    (folder / "one" / "genome.bin").write_bytes(b"another")
    fresh = folder / "two" / ".genome.new"
    fresh.write_bytes(b"another")
    fresh.replace(folder / "two" / "genome.bin")
    assert told(watcher) == {"one", "two"}
    assert told(watcher) == set()


def test_offered_genome_is_told_of_and_nothing_else_in_state(
    watcher: Watcher, folder: Path
) -> None:
    for agent in AGENTS:
        (folder / agent / "state" / "memory").write_bytes(b"what it likes")
        (folder / agent / "state" / ".genome.bin.new").write_bytes(b"offered")
    assert told(watcher) == set()
    state = folder / "one" / "state"
    (state / ".genome.bin.new").replace(state / "genome.bin")
    assert told(watcher) == {"one"}


def test_gene_file_is_told_of(watcher: Watcher, folder: Path) -> None:
    (folder / "one" / "src" / "genes" / "neural.rs").write_text("// another")
    assert told(watcher) == {"one"}


def test_births_and_deaths_are_followed(watcher: Watcher, folder: Path) -> None:
    watcher.follow(("two", "newborn"))
    for agent in (*AGENTS, "newborn"):
        (folder / agent / "genome.bin").write_bytes(b"another")
    assert told(watcher) == {"two", "newborn"}


def test_folder_that_was_replaced_is_followed_anew(watcher: Watcher, folder: Path) -> None:
    (folder / "one").rename(folder / "gone")
    for path in sorted((folder / "gone").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (folder / "gone").rmdir()
    told(watcher)
    (folder / "one" / "src" / "genes").mkdir(parents=True)
    watcher.follow(AGENTS)
    (folder / "one" / "genome.bin").write_bytes(b"another")
    assert told(watcher) == {"one"}


def test_what_we_write_ourselves_is_no_news(folder: Path) -> None:
    with Watcher(folder, NAMES, {MODULES}) as watcher:
        watcher.follow(AGENTS)
        genes = folder / "one" / "src" / "genes"
        (genes / ".mod.rs.x1").write_text("mod neural;")
        (genes / ".mod.rs.x1").rename(genes / "mod.rs")
        (genes / "neural.rs~").write_text("a backup")
        assert told(watcher) == set()


def test_agents_beyond_the_limit_of_watches_are_looked_at(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.05)
    with Watcher(folder, NAMES, {MODULES}, most=5) as watcher:
        watcher.follow((*AGENTS, "newborn"))
        assert watcher.unwatched == 2
        for agent in (*AGENTS, "newborn"):
            (folder / agent / "genome.bin").write_bytes(b"another")
        assert told(watcher) == {*AGENTS, "newborn"}
        watcher.follow(("newborn",))
        assert watcher.unwatched == 0, "a death makes room"


def test_agent_that_is_being_written_to_is_left_in_peace(folder: Path) -> None:
    with Watcher(folder, NAMES, {MODULES}) as watcher:
        watcher.follow(AGENTS)
        (folder / "one" / "genome.bin").write_bytes(b"another")
        assert watcher.changed() == frozenset()
        time.sleep(SETTLE)
        assert watcher.changed() == {"one"}


def test_waiting_ends_when_somebody_is_to_be_told(folder: Path) -> None:
    with Watcher(folder, NAMES, {MODULES}) as watcher:
        watcher.follow(AGENTS)
        (folder / "one" / "genome.bin").write_bytes(b"another")
        began = time.monotonic()
        while not watcher.changed():
            watcher.wait(10.0)
        assert time.monotonic() - began < 1.0
