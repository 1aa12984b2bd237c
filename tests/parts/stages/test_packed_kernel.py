"""Tests that folders of an older version, with the kernel in many files, live on and are packed."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from stages_support import Population, snapshot

from evolve_ai.model.agent import AgentRecord, Cause, State
from evolve_ai.stages.agent_scan_update import rules_of
from evolve_ai.stages.genome_sync import sync
from evolve_ai.system.agent_folder import read_contents
from evolve_ai.system.files import publish

LIBRARY, ROOT, AGENT = "src/lib.rs", "src/kernel/mod.rs", "src/kernel/agent.rs"


@pytest.fixture
def old(tmp_path: Path) -> Population:
    """Two agents; the first has the folder that an older version has given it, and its stamp."""
    population = Population.of(tmp_path, 2)
    lay_out(population)
    first = population.agents[population.first]
    population.agents[first.id] = replace(first, stamp="as that version took it")
    return population


def lay_out(population: Population) -> None:
    folder = population.folder()
    (folder / "src" / "kernel").mkdir()
    for name, data in population.context.pool.unpacked.items():
        (folder / name).write_bytes(data)


def first(population: Population) -> AgentRecord:
    return population.agents[population.first]


def is_packed(population: Population) -> bool:
    folder = population.folder()
    library = (folder / LIBRARY).read_bytes() == population.context.pool.fixed[LIBRARY]
    return library and not (folder / "src" / "kernel").exists()


def test_kernel_is_packed_once_and_nothing_else_is_touched(old: Population) -> None:
    before, known = snapshot(old.folder()), first(old)
    updated = old.look()
    assert is_packed(old)
    assert updated.events == ()
    assert replace(first(old), stamp=known.stamp) == known
    after = snapshot(old.folder())
    assert set(before) - set(after) == {ROOT, AGENT}
    assert {name for name in after if after[name] != before[name]} == {LIBRARY}
    old.look()  # its stamp is proof only when the clock has gone on
    assert snapshot(old.folder()) == after


CRASHES: dict[str, Callable[[Path, bytes], object]] = {
    "library written": lambda folder, packed: publish(folder / LIBRARY, packed),
    "one file gone": lambda folder, packed: (
        publish(folder / LIBRARY, packed),
        (folder / ROOT).unlink(),
    ),
    "all files gone": lambda folder, packed: (
        publish(folder / LIBRARY, packed),
        (folder / ROOT).unlink(),
        (folder / AGENT).unlink(),
    ),
}


@pytest.mark.parametrize("crash", CRASHES)
def test_what_a_crash_left_is_sound_and_the_next_sync_does_the_rest(
    old: Population, crash: str
) -> None:
    CRASHES[crash](old.folder(), old.context.pool.fixed[LIBRARY])
    assert read_contents(old.folder(), old.first, rules_of(old.context)).fault is None
    old.look()
    assert is_packed(old)
    assert first(old).state == "running"


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "altered": (lambda f: (f / AGENT).write_text("// mine"), f"{AGENT}: differs"),
    "altered library": (lambda f: (f / LIBRARY).write_text("// mine"), f"{LIBRARY}: differs"),
    "gone": (lambda f: (f / AGENT).unlink(), f"{AGENT}: this file of the kernel is missing"),
    "all gone": (lambda f: shutil.rmtree(f / "src/kernel"), f"{LIBRARY}: differs"),
    "emptied": (
        lambda f: [path.unlink() for path in (f / "src/kernel").iterdir()],
        f"{LIBRARY}: differs",
    ),
    "linked": (
        lambda f: (f / AGENT).rename(f.parent / "x") and (f / AGENT).symlink_to(f.parent / "x"),
        f"{AGENT}: it is a link",
    ),
    "one beside": (
        lambda f: (f / "src/kernel/mine.rs").write_text("// mine"),
        "src/kernel/mine.rs: a file that does not belong here",
    ),
}


@pytest.mark.parametrize("name", SPOILED)
def test_kernel_in_many_files_must_be_the_templates_too(old: Population, name: str) -> None:
    spoil, reason = SPOILED[name]
    spoil(old.folder())
    before = snapshot(old.folder())
    old.look()
    assert (first(old).state, first(old).cause) == ("quarantined", Cause.AUDIT)
    assert reason in (first(old).reason or "")
    assert snapshot(old.folder()) == before, "what is refused is left as it is"


def test_repair_in_place_is_found_though_no_stamp_covers_that_file(old: Population) -> None:
    data = (old.folder() / AGENT).read_bytes()
    (old.folder() / AGENT).write_bytes(data[:-2] + b"/\n")
    old.look()
    assert first(old).state == "quarantined"
    (old.folder() / AGENT).write_bytes(data)
    old.look()
    assert first(old).state == "embryo"
    assert is_packed(old)


def test_altered_file_beside_a_packed_kernel_is_refused(old: Population) -> None:
    publish(old.folder() / LIBRARY, old.context.pool.fixed[LIBRARY])
    (old.folder() / AGENT).write_text("// mine")
    old.look()
    assert f"{AGENT}: differs" in (first(old).reason or "")


def test_kernel_that_was_copied_whole_from_the_template_cures(old: Population) -> None:
    old.look()
    (old.folder() / LIBRARY).write_text("// mine")
    old.look()
    assert first(old).state == "quarantined"
    lay_out(old)
    old.look()
    assert first(old).state == "embryo"
    assert is_packed(old)


def test_packing_revives_nobody_whose_build_has_failed(old: Population) -> None:
    failed = replace(first(old), state=State.QUARANTINED, cause=str(Cause.BUILD), reason="error")
    old.agents[failed.id] = failed
    old.look()
    assert is_packed(old)
    assert replace(first(old), stamp=failed.stamp) == failed


def test_edit_between_scan_and_packing_is_left_for_the_next_scan(old: Population) -> None:
    scanned = old.scan()
    gene = old.folder() / "src/genes/alpha.rs"
    gene.write_bytes(gene.read_bytes() + b"// mine")
    (synced,) = sync(old.context, scanned.reports)
    assert is_packed(old)
    old.agents[old.first] = replace(first(old), stamp=synced.stamp)
    assert old.report().codes != scanned.reports[0].codes
