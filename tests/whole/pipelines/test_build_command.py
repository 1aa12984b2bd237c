"""`evolve build` fills the store and nothing else; `--explain` looks and touches nothing."""

import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from commands import on_terminal
from project_support import NO_CARGO, ProjectUnderTest, wait_until
from toolchains import false_tools

from evolve_ai.model.genome import FileGene, decode
from evolve_ai.system.lock import Lock

TYPES = b'\npub fn broken() -> u64 { "seven" }\n'
SYNTAX = b"\nfn broken( {\n"
FILES = b'\npub fn broken() { std::fs::remove_file("x").unwrap() }\n'


def first(project: ProjectUnderTest) -> str:
    return str(project.agents()[0]["id"])


def a_gene(project: ProjectUnderTest, agent: str) -> FileGene:
    genome = decode((project.folder(agent) / "genome.bin").read_bytes())
    return next(gene for gene in genome.files if gene.active)


def add_to_gene(project: ProjectUnderTest, agent: str, text: bytes) -> Path:
    path = project.folder(agent) / a_gene(project, agent).path
    path.write_bytes(path.read_bytes() + text)
    return path


def build(project: ProjectUnderTest, *words: object, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = project.evolve("build", *words, "--json", code=code).json
    totals = found["totals"]
    assert totals["requested"] == len(found["agents"])
    assert totals["requested"] == totals["compiled"] + totals["reused"] + totals["failed"]
    return found


def explain(project: ProjectUnderTest, agent: str) -> dict[str, Any]:
    found: dict[str, Any] = project.evolve("build", "--explain", agent, "--json").json
    return found


def traces(project: ProjectUnderTest) -> dict[str, tuple[int, int]]:
    """Inode and change time of every file of a project, but those that SQLite makes for readers."""
    found = {}
    for folder, _, names in os.walk(project.root, followlinks=True):
        for path in (Path(folder, name) for name in names):
            if not path.name.startswith("registry.sqlite-"):
                seen = path.lstat()
                found[str(path)] = (seen.st_ino, seen.st_mtime_ns)
    return found


# Building.


def test_what_was_built_is_in_the_store_when_the_life_cycle_asks(calm: ProjectUnderTest) -> None:
    agent = first(calm)
    add_to_gene(calm, agent, f"\n// {calm.root}\n".encode())
    rows, recorded = calm.agents(), calm.recorded()
    result = build(calm)
    verdicts = {row["id"]: row["verdict"] for row in result["agents"]}
    assert verdicts.pop(agent) == "compiled"
    assert set(verdicts.values()) == {"reused"}
    assert result["units"] > 1
    assert result["seconds"] >= sum(result["steps"].values()) - 0.001
    assert list(result["steps"]) == ["scan", "sync", "audit", "build"]
    assert (calm.agents(), calm.recorded()) == (rows, recorded)
    assert calm.status()["life_cycle"] is None
    again = build(calm)
    assert (again["totals"]["reused"], again["units"]) == (len(rows), 0)
    calm.live(1)
    (event,) = calm.events("build", agent)[-1:]
    (fingerprint,) = (row["fingerprint"] for row in result["agents"] if row["id"] == agent)
    assert (event["verdict"], event["fingerprint"]) == ("reused", fingerprint)


def test_chosen_agents_are_built_and_no_others(calm: ProjectUnderTest) -> None:
    one, two = (row["id"] for row in calm.agents()[:2])
    result = build(calm, one, two[:13], one)
    assert {row["id"] for row in result["agents"]} == {one, two}
    assert len(build(calm, "--all")["agents"]) == len(calm.agents())


def test_summary_is_one_line(calm: ProjectUnderTest) -> None:
    (line,) = calm.evolve("build").out.splitlines()
    count = len(calm.agents())
    assert line.startswith(f"{count} agents · {count} ready (")


def test_generated_files_are_made_right_and_gene_files_are_left_alone(
    calm: ProjectUnderTest,
) -> None:
    agent = first(calm)
    main = calm.folder(agent) / "src" / "main.rs"
    genes = list((calm.folder(agent) / "src" / "genes").glob("*.rs"))
    before = {path: path.stat().st_ctime_ns for path in genes if path.name != "mod.rs"}
    wiring = main.read_bytes()
    main.write_bytes(b"fn main() {}\n")
    build(calm, agent)
    assert main.read_bytes() == wiring
    assert {path: path.stat().st_ctime_ns for path in before} == before


def test_each_failure_is_told_and_nobody_is_quarantined(calm: ProjectUnderTest) -> None:
    a, b, c, d, e, *_ = rows = [row["id"] for row in calm.agents()]
    before, recorded = calm.agents(), calm.recorded()
    add_to_gene(calm, a, TYPES)
    add_to_gene(calm, b, SYNTAX)
    add_to_gene(calm, c, FILES)
    genome = calm.folder(d) / "genome.bin"
    good = genome.read_bytes()
    genome.write_bytes(good[:-7])
    shutil.rmtree(calm.folder(e))
    result = build(calm, code=1)
    failed = {row["id"]: row for row in result["agents"] if row["verdict"] == "failed"}
    assert list(failed) == [row["id"] for row in result["agents"] if row["id"] in rows[:5]]
    assert {one: failed[one]["cause"] for one in rows[:5]} == {
        a: "build", b: "audit", c: "audit", d: "genome", e: "genome",
    }  # fmt: skip
    for agent, words in ((a, "mismatched types"), (b, "line"), (c, "std::fs"), (d, "genome.bin")):
        assert words in failed[agent]["reason"]
    for agent in (a, b, c):
        assert a_gene(calm, agent).path in failed[agent]["reason"]
    assert (calm.agents(), calm.recorded()) == (before, recorded)
    told = calm.evolve("build", code=1).out
    assert "5 cannot be built" in told
    for row in failed.values():
        assert f"  {row['reason']}\n" in told
        assert row["id"][:13] in told


def test_agents_that_fail_alike_are_told_of_together(calm: ProjectUnderTest) -> None:
    lost = [row["id"] for row in calm.agents()[:3]]
    for agent in lost:
        (calm.folder(agent) / "genome.bin").unlink()
    lines = calm.evolve("build", code=1).out.splitlines()
    assert lines[1] == "  genome.bin: it is missing"
    assert lines[2].startswith("    3 agents: ")
    assert len(lines) == 3


def test_cure_of_a_quarantined_agent_is_seen(calm: ProjectUnderTest) -> None:
    agent = first(calm)
    path = calm.folder(agent) / a_gene(calm, agent).path
    good = path.read_bytes()
    add_to_gene(calm, agent, TYPES)
    calm.live(1)
    build(calm, agent, code=1)
    path.write_bytes(good)
    assert build(calm, agent)["totals"]["failed"] == 0
    told = explain(calm, agent)
    assert (told["state"], told["verdict"]) == ("quarantined", "ready")
    calm.live(1)
    assert {row["state"] for row in calm.agents()} == {"waiting"}


def test_nothing_is_built_while_another_holds_the_project(calm: ProjectUnderTest) -> None:
    running = calm.start("life-cycle", "--set", "cycle.sleep=0.3")
    wait_until(lambda: calm.status()["population"]["running"], "agents running")
    done = calm.evolve("build", code=75)
    assert f"held by process {running.pid} (life-cycle)" in done.err
    agent = next(row["id"] for row in calm.agents() if row["pid"])
    told = explain(calm, agent)
    assert told["verdict"] == "ready"
    assert told["pid"]
    assert told["running_fingerprint"] == told["fingerprint"]
    calm.evolve("stop")
    assert running.wait(30) == 0
    with Lock(calm.root / "workspace", "build"):
        assert "(build)" in calm.evolve("init", 1, code=75).err
        assert calm.status()["life_cycle"] is None


def test_sigterm_ends_the_compiler_too(
    calm: ProjectUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeping = '[ "$1" = -V ] && echo "cargo 9.9" && exit\nsleep 600'
    tools = false_tools(calm.root / "tools" / "bin", cargo=sleeping)
    monkeypatch.setenv("PATH", tools["PATH"])
    running = calm.start("build")
    started = wait_until(lambda: compiler_at_work(running.pid), "a compiler at work")
    running.send_signal(signal.SIGTERM)
    assert running.wait(30) == 1
    assert running.communicate()[1] == "evolve: ended at once\n"
    assert not calm.processes()
    assert not [process for process in started if process.is_running()]


def compiler_at_work(pid: int) -> list[psutil.Process]:
    """A cargo that sleeps in its box, and its sleep; empty if they are not both there."""
    found = []
    for process in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it has just ended
            if process.name() in ("cargo", "sleep"):
                found.append(process)
    return found if len(found) == 2 else []


def test_agent_that_is_not_there_is_refused(calm: ProjectUnderTest) -> None:
    ids = [row["id"] for row in calm.agents()]
    firsts = [agent[0] for agent in ids]
    shared = next(one for one in firsts if firsts.count(one) > 1)
    for words in ((), ("--explain",)):
        for prefix in ("zzzz", "%", "", shared):
            assert repr(prefix) in calm.evolve("build", *words, "--", prefix, code=2).err
    assert "not both" in calm.evolve("build", "--all", ids[0], code=2).err
    for words in ((), ids[:2]):
        assert "ID of one agent" in calm.evolve("build", "--explain", *words, code=2).err


def test_the_dead_are_neither_built_nor_explained(project: ProjectUnderTest) -> None:
    project.live(1, "--set", "economy.age_limit=1")
    dead = project.agents("--all")[0]
    for words in ((), ("--explain",)):
        done = project.evolve("build", *words, dead["id"], code=2)
        assert "died in cycle" in done.err
        assert dead["cause"] in done.err
    assert "no agent is alive" in project.evolve("build", code=1).err


def test_nobody_alive_is_nothing_to_build(unfounded: ProjectUnderTest) -> None:
    for words in ((), ("--explain", "a")):
        assert "evolve init" in unfounded.evolve("build", *words, code=1).err
    assert not (unfounded.root / "workspace" / "lock").exists()


def test_without_a_compiler_there_are_no_programs(calm: ProjectUnderTest) -> None:
    agent = first(calm)
    for words in ((), ("--explain", agent)):
        assert "install Rust" in calm.evolve("build", *words, code=4, env=NO_CARGO).err
    (calm.folder(agent) / "genome.bin").write_bytes(b"")
    told = calm.evolve("build", "--explain", agent, "--json", env=NO_CARGO).json
    assert (told["verdict"], told["cause"], told["fingerprint"]) == ("failed", "genome", None)


# Explaining.


def test_explanation_names_what_a_program_is_made_of(calm: ProjectUnderTest) -> None:
    row = calm.agents()[0]
    build(calm)
    told = explain(calm, row["id"])
    genome = decode((calm.folder(row["id"]) / "genome.bin").read_bytes())
    calls = [f"{gene.stem}::{name}" for gene, name in genome.active_genes()]
    files = {gene.path: gene.code for gene in genome.active_files()}
    made_of = told["ingredients"]
    assert made_of["calls"].split() == calls
    assert made_of.items() >= files.items()
    assert made_of["toolchain"].startswith("rustc ")
    assert told["fingerprint"] == told["recorded_fingerprint"] == row["fingerprint"]
    assert told["verdict"] == "ready"
    assert f"all {len(told['units'])} units are in batch" in told["reason"]
    assert {file for unit in told["units"] for file in unit["files"]} == set(files)
    assert {unit["state"] for unit in told["units"]} == {"ready"}
    program = told["program"]
    assert Path(program["file"]).stat().st_size == program["bytes"]
    assert len(program["arguments"][0].split(".")) == len(calls)
    assert program["file_sharers"] == len(calm.agents()) - 1
    assert (told["pid"], told["running_fingerprint"]) == (None, None)


def test_explaining_leaves_no_trace(calm: ProjectUnderTest) -> None:
    one, two, three, *_ = (row["id"] for row in calm.agents())
    add_to_gene(calm, one, TYPES)
    add_to_gene(calm, two, f"\n// Explained in {calm.root}\n".encode())
    (calm.folder(three) / "src" / "main.rs").write_bytes(b"")
    before = traces(calm)
    for agent in (one, two, three):
        explain(calm, agent)
    assert traces(calm) == before


def test_explanation_follows_a_gene_from_edit_to_program(calm: ProjectUnderTest) -> None:
    agent = first(calm)
    known = explain(calm, agent)["fingerprint"]
    path = add_to_gene(calm, agent, f"\n// {calm.root}, edited\n".encode()).name
    told = explain(calm, agent)
    assert told["verdict"] == "unbuilt"
    assert f"no batch holds the unit of src/genes/{path}" in told["reason"]
    assert told["program"] is None
    assert told["fingerprint"] != known == told["recorded_fingerprint"]
    states = {unit["files"][0]: unit["state"] for unit in told["units"]}
    assert states[f"src/genes/{path}"] == "unbuilt"
    build(calm, agent)
    assert explain(calm, agent)["verdict"] == "ready"


def test_explanation_tells_why_something_cannot_be_built(calm: ProjectUnderTest) -> None:
    a, b, c, d, *_ = (row["id"] for row in calm.agents())
    add_to_gene(calm, a, TYPES + f"// {calm.root}\n".encode())
    assert explain(calm, a)["verdict"] == "unbuilt"
    add_to_gene(calm, b, FILES)
    (calm.folder(c) / "genome.bin").write_bytes(b"\xc1")
    shutil.rmtree(calm.folder(d))
    calm.evolve("build", code=1)
    for agent, cause, words in (
        (a, "build", "mismatched types (found on 2"),
        (b, "audit", "std::fs"),
        (c, "genome", "genome.bin"),
        (d, "genome", "folder cannot be read"),
    ):
        told = explain(calm, agent)
        assert (told["verdict"], told["cause"]) == ("failed", cause)
        assert words in told["reason"]
        assert told["program"] is None
    out = calm.evolve("build", "--explain", a).out
    assert "cannot be built: src/genes/" in out
    assert "tried again" in " ".join(out.split())


def test_explanation_fits_a_narrow_terminal(calm: ProjectUnderTest) -> None:
    build(calm)
    words = ("build", "--explain", first(calm))
    piped = calm.evolve(*words).out
    shown = on_terminal(80, *words, "--project", calm.root)
    assert "\x1b" not in piped
    assert max(map(len, shown.splitlines())) <= 80
    for told in ("ready: all", "made of", "toolchain", "workspace/store/programs/", "genes:"):
        assert told in shown
        assert told in piped


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_project_that_nobody_may_write_to_can_be_explained(
    calm: ProjectUnderTest, request: pytest.FixtureRequest
) -> None:
    agent = first(calm)
    folders = [calm.root / "workspace", calm.root / "logs", calm.root]

    def allow(mode: int) -> None:
        for folder in folders:
            folder.chmod(mode)

    request.addfinalizer(lambda: allow(0o755))
    allow(0o555)
    assert explain(calm, agent)["agent"] == agent


def test_changed_kernel_is_told_as_by_the_life_cycle(calm: ProjectUnderTest) -> None:
    kernel = calm.root / "agent_template" / "src" / "kernel" / "mod.rs"
    kernel.write_text(kernel.read_text() + "\n// Mine.\n")
    for words in ((), ("--explain", first(calm))):
        assert "kernel" in calm.evolve("build", *words, code=1).err
