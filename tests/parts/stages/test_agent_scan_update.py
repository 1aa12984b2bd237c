"""Tests of the verb scan: whatever lies in an agent's folder, that agent alone suffers."""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import msgpack
import pytest
from deep_folder import dig
from project_support import wait_until
from stages_support import Population

from evolve_ai.model.agent import Cause
from evolve_ai.model.gene_names import GeneNames
from evolve_ai.model.genome import MAX_BYTES, decode, encode
from evolve_ai.stages.agent_scan_update import changes
from evolve_ai.stages.genome_sync import sync
from evolve_ai.substrates.rust.gene_names import NAMES
from evolve_ai.system import agent_folder
from evolve_ai.system.agent_folder import Rules, read_contents, same_stamp, stamp
from evolve_ai.system.moment import Moment, are_ticks
from evolve_ai.system.trees import remove_tree

GENE = "src/genes/alpha.rs"
KERNEL = "src/lib.rs"  # with the kernel in it


@pytest.fixture
def two(tmp_path: Path) -> Population:
    return Population.of(tmp_path, 2)


def swapped(make: Callable[[Path], object], name: str) -> Callable[[Path], None]:
    """Puts something else in the place of a file."""

    def spoil(folder: Path) -> None:
        path = folder / name
        path.unlink()
        make(path)

    return spoil


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)


def link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def deep_folder(folder: Path) -> None:
    dig(folder / "d")
    shutil.copy(folder / "genome.bin", folder / "genome.bin.new")
    (folder / "genome.bin.new").replace(folder / "genome.bin")


def strange_name(folder: Path) -> None:
    with open(os.fsencode(folder) + b"/src/genes/\xff\xfe.rs", "wb"):
        pass


def new_file(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text("x")


SPOILED = {
    "genome_missing": (lambda f: (f / "genome.bin").unlink(), Cause.GENOME, "missing"),
    "genome_is_a_pipe": (swapped(os.mkfifo, "genome.bin"), Cause.GENOME, "no regular file"),
    "genome_is_a_link": (swapped(link_to("/dev/zero"), "genome.bin"), Cause.GENOME, "link"),
    "genome_is_a_folder": (swapped(Path.mkdir, "genome.bin"), Cause.GENOME, "no regular file"),
    "genome_is_huge": (swapped(sparse, "genome.bin"), Cause.GENOME, "at most 65536"),
    "genome_is_cut": (lambda f: os.truncate(f / "genome.bin", 99), Cause.GENOME, "msgpack"),
    "genome_is_empty": (lambda f: os.truncate(f / "genome.bin", 0), Cause.GENOME, "msgpack"),
    "folder_missing": (shutil.rmtree, Cause.GENOME, "folder cannot be read"),
    "genes_missing": (lambda f: shutil.rmtree(f / "src/genes"), Cause.GENOME, "folder"),
    "gene_is_a_pipe": (swapped(os.mkfifo, GENE), Cause.AUDIT, f"{GENE}: it is no regular file"),
    "gene_is_a_link": (swapped(link_to("/etc/passwd"), GENE), Cause.AUDIT, "link"),
    "gene_is_a_folder": (swapped(Path.mkdir, GENE), Cause.AUDIT, f"{GENE}: it is no regular"),
    "gene_is_huge": (swapped(sparse, GENE), Cause.AUDIT, "at most 1048576"),
    "gene_unknown": (new_file("src/genes/extra.rs"), Cause.AUDIT, "named by no genome"),
    "gene_with_a_strange_name": (strange_name, Cause.AUDIT, r"\\xff\\xfe.rs: a file that"),
    "build_script": (new_file("build.rs"), Cause.AUDIT, "build.rs: .* does not belong here"),
    "toolchain_file": (new_file("rust-toolchain.toml"), Cause.AUDIT, "does not belong here"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_spoiled_folder_quarantines_its_agent_alone(two: Population, name: str) -> None:
    spoil, cause, reason = SPOILED[name]
    spoil(two.folder())
    updated = two.look()
    spoiled, healthy = updated.agents.values()
    assert (spoiled.state, spoiled.cause) == ("quarantined", cause)
    assert spoiled.reason is not None
    assert spoiled.reason.encode()
    assert re.search(reason, spoiled.reason), spoiled.reason
    assert healthy.state == "running"
    assert [event.kind for event in updated.events] == ["quarantine"]
    assert two.look().events == (), "told once only"


def test_cargo_configuration_is_refused(two: Population) -> None:
    (two.folder() / ".cargo").mkdir()
    (two.folder() / ".cargo" / "config.toml").write_text("[build]")
    fault = two.report().fault
    assert fault is not None
    assert ".cargo/config.toml: a file that does not belong here" in fault.reason


def test_very_deep_folder_is_survived(two: Population) -> None:
    deep_folder(two.folder())
    try:
        report = two.report()
    finally:
        remove_tree(two.folder())
    assert report.fault is not None
    assert report.fault.cause in (Cause.GENOME, Cause.AUDIT), "too long a path, or a strange folder"


def test_unchanged_population_is_not_reported(two: Population) -> None:
    for _ in range(3):
        assert two.look().rebuilt == {}


def test_what_agents_write_by_the_way_is_no_change(two: Population) -> None:
    folder = two.folder()
    with (folder / "agent.log").open("a") as log:
        log.write("a line")
    assert two.scan().reports == ()


@pytest.mark.parametrize("name", ["state", "target"])
def test_folders_left_to_agents_are_not_looked_into(two: Population, name: str) -> None:
    (two.folder() / name).mkdir(exist_ok=True)
    (two.folder() / name / "anything.rs").write_text("x")
    assert all(report.fault is None for report in two.scan().reports)


def edited(name: str) -> Callable[[Path], object]:
    """In place, to the same length: neither its folder nor its size tells of it."""

    def edit(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[:-2] + b"/\n")

    return edit


def linked(name: str, how: Callable[[Path, Path], object]) -> Callable[[Path], object]:
    def link(folder: Path) -> None:
        moved = folder.parent / "moved"
        (folder / name).rename(moved)
        how(folder / name, moved)

    return link


def new_folder(name: str) -> Callable[[Path], object]:
    """A file in a folder of its own."""

    def make(folder: Path) -> None:
        (folder / name).parent.mkdir()
        (folder / name).write_text("x")

    return make


def folder_first(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).parent.mkdir(parents=True)


HAND_EDITS: dict[str, tuple[Callable[[Path], object], str]] = {
    "kernel": (edited(KERNEL), f"{KERNEL}: differs from the template's"),
    "appended": (
        lambda folder: (folder / KERNEL).open("a").write("// mine"),
        f"{KERNEL}: differs from the template's",
    ),
    "kernel_gone": (lambda folder: (folder / KERNEL).unlink(), f"{KERNEL}: .* missing"),
    "kernel_linked": (linked(KERNEL, Path.symlink_to), f"{KERNEL}: it is a link"),
    "kernel_beside": (new_folder("src/kernel/mine.rs"), "src/kernel/mine.rs: .* does not belong"),
    "kernel_linked_beside": (
        lambda folder: (folder / "src/kernel").symlink_to(folder.parent),
        "src/kernel: .* does not belong",
    ),
    "module_beside": (new_file("src/mine.rs"), "src/mine.rs: .* does not belong"),
    "build_script": (new_file("build.rs"), "build.rs: .* does not belong"),
    "toolchain": (new_file("rust-toolchain"), "rust-toolchain: .* does not belong"),
    "empty_folder": (folder_first("src/bin/x"), "src/bin/: a folder that does not belong"),
    "cargo_folder": (folder_first(".cargo/x"), ".cargo/: a folder that does not belong"),
}


@pytest.mark.parametrize("name", HAND_EDITS)
def test_edit_by_hand_of_what_is_fixed_is_found_by_the_very_next_scan(
    two: Population, name: str
) -> None:
    edit, reason = HAND_EDITS[name]
    assert two.scan().reports == ()
    edit(two.folder())
    agent = two.look().agents[two.first]
    assert (agent.state, agent.cause) == ("quarantined", Cause.AUDIT)
    assert re.search(reason, agent.reason or ""), agent.reason


@pytest.mark.parametrize("name", [KERNEL, "src/main.rs", "Cargo.toml"])
def test_changed_mode_of_a_file_is_looked_at_and_harms_nobody(two: Population, name: str) -> None:
    (two.folder() / name).chmod(0o600)
    assert two.report().fault is None
    assert two.look().agents[two.first].state == "running"
    assert two.scan().reports == ()


@pytest.mark.parametrize("name", ["src/main.rs", "src/genes/mod.rs", "Cargo.toml"])
@pytest.mark.parametrize("how", ["edited", "removed", "linked"])
def test_wiring_that_was_edited_by_hand_is_generated_again(
    two: Population, name: str, how: str
) -> None:
    path = two.folder() / name
    before = path.read_bytes()
    if how == "edited":
        path.write_bytes(before + b"// mine")
    elif how == "removed":
        path.unlink()
    else:
        linked(name, Path.symlink_to)(two.folder())
    assert two.look().agents[two.first].state == "running"
    assert path.read_bytes() == before
    assert not path.is_symlink()
    assert two.scan().reports == ()


def test_kernel_that_was_put_back_cures(two: Population) -> None:
    path = two.folder() / KERNEL
    before = path.read_bytes()
    path.write_bytes(before + b"// mine")
    assert two.look().agents[two.first].state == "quarantined"
    path.write_bytes(before)
    assert two.look().agents[two.first].state == "embryo"


def test_edit_between_scan_and_sync_is_left_for_the_next_scan(two: Population) -> None:
    two.write_genome(replace(two.genome(), traits={**two.genome().traits, "x": 0.5}))
    (two.folder() / "src/main.rs").write_text("to be generated again")
    scanned = two.scan()
    edited(KERNEL)(two.folder())
    (synced,) = sync(two.context, scanned.reports)
    agent = two.agents[two.first]
    two.agents[two.first] = replace(agent, stamp=synced.stamp)
    assert two.report().fault is not None


def test_file_above_a_nested_gene_folder_changes_the_stamp(tmp_path: Path) -> None:
    rules = Rules(GeneNames("lib/genes/", ".py"), {}, frozenset())
    (tmp_path / "lib" / "genes").mkdir(parents=True)
    before = settled_stamp(tmp_path, rules)
    (tmp_path / "lib" / "evil.py").write_text("")
    assert not same_stamp(before, stamp(tmp_path, rules.stamp_plan()))


def test_folder_that_tools_leave_is_ignored_where_it_is_said_to_lie(two: Population) -> None:
    names, ignored = GeneNames("genes/", ".py"), frozenset({"__pycache__/", "genes/__pycache__/"})
    rules = Rules(names, {}, frozenset(), ignored)
    folder = two.folder()
    for path in folder.iterdir():
        if path.name != "genome.bin":
            remove_tree(path) if path.is_dir() else path.unlink()
    genome = replace(decode((folder / "genome.bin").read_bytes()), files=())
    (folder / "genome.bin").write_bytes(encode(genome))
    for place in ("__pycache__", "genes/__pycache__"):
        (folder / place).mkdir(parents=True)
        (folder / place / "a.pyc").write_bytes(b"")
    assert read_contents(folder, two.first, rules).fault is None
    (folder / "genes" / "__pycache__" / "__pycache__").mkdir()
    assert read_contents(folder, two.first, rules).fault is None
    (folder / "other" / "__pycache__").mkdir(parents=True)
    assert read_contents(folder, two.first, rules).fault is not None


def settled_stamp(folder: Path, rules: Rules) -> str:
    """One that is old enough to prove something."""
    plan = rules.stamp_plan()
    while not same_stamp(found := stamp(folder, plan), found):
        time.sleep(0.005)
    return found


def test_missing_kernel_file_is_named(two: Population) -> None:
    (two.folder() / KERNEL).unlink()
    fault = two.report().fault
    assert fault is not None
    assert f"{KERNEL}: this file of the kernel is missing" in fault.reason


def test_genome_of_another_agent_is_refused(two: Population) -> None:
    other = list(two.agents)[1]
    two.write_genome(two.genome(other))
    fault = two.report().fault
    assert fault is not None
    assert f"it is the genome of {other}" in fault.reason


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
@pytest.mark.parametrize("name", ["genome.bin", GENE, "src/genes", "."])
def test_what_may_not_be_read_is_a_fault(two: Population, name: str) -> None:
    (two.folder() / name).chmod(0)
    try:
        fault = two.report().fault
    finally:
        (two.folder() / name).chmod(0o755)
    assert fault is not None


def test_edited_gene_is_known_by_its_new_code(two: Population) -> None:
    path = two.folder() / GENE
    path.write_bytes(path.read_bytes() + b"\n// edited\n")
    report = two.report()
    assert report.fault is None
    assert report.genome is not None
    before = {gene.path: gene.code for gene in two.genome().files}
    after = {gene.path: gene.code for gene in report.genome.files}
    assert {name for name in after if after[name] != before[name]} == {GENE}
    assert encode(report.genome) == report.genome_bytes
    assert after[GENE] in two.scan().sources


def test_genome_that_cannot_be_rewritten_with_its_true_code_is_a_fault(two: Population) -> None:
    body = msgpack.unpackb(encode(two.genome()))
    del body["mutations"]  # a rewritten genome has them: eleven bytes more
    body["note"] = "y" * (MAX_BYTES - len(msgpack.packb({**body, "note": "y" * 2**15})) + 2**15)
    two.write_genome(msgpack.packb(body))
    assert two.report().fault is None
    with (two.folder() / GENE).open("a") as file:
        file.write("// edited\n")
    fault = two.report().fault
    assert fault is not None
    assert "more than the 65536" in fault.reason


def test_syntax_error_is_found_by_reading_and_unknown_function_by_viability(
    two: Population,
) -> None:
    genome = two.genome()
    gene = replace(genome.files[0], functions=(("nonsense", True),))
    two.write_genome(replace(genome, files=(gene, *genome.files[1:])))
    fault = two.report().fault
    assert fault is not None
    assert "has no gene `nonsense`" in fault.reason


def test_changes_are_told_by_name(two: Population) -> None:
    before = two.genome()
    gene = before.files[0]
    assert changes(before, before, NAMES) == ((), ("by_hand",))
    off = replace(before, files=(replace(gene, active=not gene.active), *before.files[1:]))
    sign = "-" if gene.active else "+"
    assert changes(before, off, NAMES)[0] == (f"{sign}{gene.stem}",)
    turned = replace(before, files=before.files[::-1], mutations={"order_swap": 1})
    assert changes(before, turned, NAMES) == (("order",), ("order_swap",))
    fewer = replace(before, files=before.files[1:], traits={"mutation_rate": 0.5})
    told, _ = changes(before, fewer, NAMES)
    assert told[0] == f"-{gene.stem}"
    assert "mutation_rate 0.2 -> 0.5" in told
    counted = replace(before, mutations={"function_flip": 2})
    assert changes(before, counted, NAMES) == ((), ("function_flip",))


def in_one_step_of_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is changed from now on bears one time, as on file systems of whole seconds."""
    looked, step = agent_folder._looked_at, time.time_ns()

    def coarse(handle: int, names: Iterable[str]) -> list[int]:
        return [step if at % 2 else found for at, found in enumerate(looked(handle, names))]

    monkeypatch.setattr(agent_folder, "_looked_at", coarse)
    clock = SimpleNamespace(time_ns=lambda: step + 10**9)
    monkeypatch.setattr("evolve_ai.system.moment.time", clock)


def test_second_change_in_one_step_of_the_clock_is_found(
    two: Population, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_one_step_of_the_clock(monkeypatch)
    monkeypatch.setattr("evolve_ai.system.moment._NANOSECONDS", 2 * 10**9)
    two.look()
    with (two.folder() / GENE).open("a") as file:
        file.write("// changed\n")
    assert two.first in two.look().rebuilt


def test_second_change_in_one_step_of_the_clock_is_missed_by_who_trusts_an_equal_time(
    two: Population, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_one_step_of_the_clock(monkeypatch)
    two.look()
    with (two.folder() / GENE).open("a") as file:
        file.write("// changed\n")
    assert two.look().rebuilt == {}


def test_time_of_modification_that_the_owner_has_set_back_hides_nothing(two: Population) -> None:
    path = two.folder() / GENE
    two.look()
    before = path.stat()
    with path.open("a") as file:
        file.write("// changed\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert two.first in two.look().rebuilt


def test_where_times_are_ticks_a_folder_is_settled_a_tick_after_its_last_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not are_ticks(tmp_path):
        pytest.skip("files here get their times from another clock")
    monkeypatch.setattr("evolve_ai.stages.agent_scan_update.are_ticks", are_ticks)
    monkeypatch.setattr("evolve_ai.system.moment._NANOSECONDS", 10**15)
    two = Population.of(tmp_path, 2)
    born = time.time_ns()
    wait_until(lambda: Moment(ticking=True).are_proof(born), "a tick", every=0.001)
    two.look()
    assert two.scan().reports == ()
    (two.folder() / GENE).write_bytes(b"// mine\n")
    assert two.report().id == two.first
