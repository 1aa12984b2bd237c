"""A changed genome or gene file: new wiring, program, process; a broken one harms nobody else."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from project_support import ProjectUnderTest, tree, wait_until

from evolve_ai.model.genome import Genome, decode, encode


def genome_of(project: ProjectUnderTest, agent: str) -> Genome:
    return decode((project.folder(agent) / "genome.bin").read_bytes())


def write(project: ProjectUnderTest, genome: Genome) -> None:
    """As a person would: over the file that is there."""
    (project.folder(genome.id) / "genome.bin").write_bytes(encode(genome))


def flipped(genome: Genome) -> Genome:
    """One function of an active file switched."""
    at, gene = next((n, gene) for n, gene in enumerate(genome.files) if gene.active)
    (name, active), *rest = gene.functions
    changed = replace(gene, functions=((name, not active), *rest))
    return replace(genome, files=(*genome.files[:at], changed, *genome.files[at + 1 :]))


def states(project: ProjectUnderTest) -> dict[str, str]:
    return {row["id"]: row["state"] for row in project.agents()}


def test_function_flipped_by_hand_leads_to_new_wiring_program_and_process(
    calm: ProjectUnderTest,
) -> None:
    before = {row["id"]: row for row in calm.agents()}
    agent = next(iter(before))
    running = calm.start("life-cycle", "--set", "cycle.sleep=0.3")
    wait_until(lambda: calm.status()["population"]["running"], "agents running")
    started = calm.events("start", agent)[-1]["seq"]
    genes, wiring = tree(calm.folder(agent) / "src" / "genes"), _main(calm, agent)
    genes.pop("mod.rs")
    write(calm, flipped(genome_of(calm, agent)))
    at = calm.status()["cycle"]  # over by then; one more may have looked before the flip
    restart = wait_until(lambda: calm.events("restart", agent), "a restart")[0]
    running.terminate()
    assert running.wait(30) == 0
    assert restart["seq"] > started
    assert restart["cause"] == "planned"
    assert restart["cycle"] <= at + 2
    assert restart["fingerprint"] != before[agent]["fingerprint"]
    assert restart["remembers"]
    assert _main(calm, agent) != wiring
    after = tree(calm.folder(agent) / "src" / "genes")
    after.pop("mod.rs")
    assert after == genes
    assert _kinds(calm, agent, restart["cycle"])[:4] == ["mutation", "build", "exit", "restart"]
    assert calm.events("mutation", agent)[0]["operators"] == ["by_hand"]


def _main(project: ProjectUnderTest, agent: str) -> bytes:
    return (project.folder(agent) / "src" / "main.rs").read_bytes()


def _kinds(project: ProjectUnderTest, agent: str, cycle: int) -> list[str]:
    return [event["event"] for event in project.events(agent=agent) if event["cycle"] == cycle]


def test_edited_gene_file_is_built_anew_for_its_agent_alone(calm: ProjectUnderTest) -> None:
    before = {row["id"]: row["fingerprint"] for row in calm.agents()}
    agent = next(iter(before))
    gene = next(gene for gene in genome_of(calm, agent).files if gene.active)
    path = calm.folder(agent) / gene.path
    edited = path.read_bytes() + b"\n// Mine.\n"
    path.write_bytes(edited)
    calm.live(1)
    after = {row["id"]: row["fingerprint"] for row in calm.agents()}
    assert {one for one in before if after.get(one, before[one]) != before[one]} == {agent}
    assert path.read_bytes() == edited
    assert calm.events("mutation", agent)[-1]["changes"] == [f"code {gene.stem}"]


def test_agent_whose_edited_gene_does_not_compile_is_quarantined_until_it_does(
    calm: ProjectUnderTest,
) -> None:
    agent = next(iter(states(calm)))
    gene = next(gene for gene in genome_of(calm, agent).files if gene.active)
    path = calm.folder(agent) / gene.path
    good = path.read_bytes()
    for bad, cause, words in (
        (b'\npub fn broken() -> u64 { "seven" }\n', "build", "mismatched types"),
        (b"\nfn broken( {\n", "audit", "line"),
        (b'\npub fn broken() { std::fs::remove_file("x").unwrap() }\n', "audit", "std::fs"),
    ):
        path.write_bytes(good + bad)
        calm.live(1)
        told = calm.events("quarantine", agent)[-1]
        assert told["cause"] == cause
        assert words in told["reason"]
        assert gene.path in told["reason"]
        rows = {row["id"]: (row["state"], row["cause"]) for row in calm.agents()}
        assert rows.pop(agent) == ("quarantined", cause)
        assert {state for state, _ in rows.values()} == {"waiting"}
    path.write_bytes(good)
    calm.live(1)
    assert states(calm)[agent] == "waiting"
    assert calm.events("start", agent) or calm.events("restart", agent)


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _link(path: Path) -> None:
    path.rename(path.with_name("target"))
    path.symlink_to("/etc/passwd")


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _large(path: Path) -> None:
    path.write_bytes(b"\x80" * 10_000_000)


def _sparse(path: Path) -> None:
    os.truncate(path, 1 << 40)


def _escaping(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"src/genes/", b"../../x/y/", 1))


def _of_another(path: Path) -> None:
    genome = decode(path.read_bytes())
    path.write_bytes(encode(replace(genome, id="0" * 8 + genome.id[8:])))


VICES: dict[Callable[[Path], None], str] = {
    _truncated: "genome.bin",
    _empty: "genome.bin",
    _fifo: "no regular file",
    _link: "link",
    _folder: "genome.bin",
    _large: "10000000 bytes",
    _sparse: "1099511627776 bytes",
    _escaping: "path",
    _of_another: "not of this folder",
}


def test_unreadable_genome_quarantines_its_agent_alone_until_it_is_put_right(
    calm: ProjectUnderTest,
) -> None:
    ids = sorted(states(calm))
    saved = {agent: (calm.folder(agent) / "genome.bin").read_bytes() for agent in ids}
    spoilt = dict(zip(ids, VICES, strict=False))
    for agent, spoil in spoilt.items():
        spoil(calm.folder(agent) / "genome.bin")
    calm.live(1)
    rows = {row["id"]: row for row in calm.agents()}
    reasons = {event["agent"]: event["reason"] for event in calm.events("quarantine")}
    for agent, spoil in spoilt.items():
        assert rows[agent]["state"] == "quarantined", spoil
        assert rows[agent]["cause"] in ("genome", "audit"), spoil
        assert VICES[spoil] in reasons[agent], (spoil, reasons[agent])
    assert {rows[agent]["state"] for agent in ids if agent not in spoilt} == {"waiting"}
    assert sorted(reasons) == sorted(spoilt)
    for agent in spoilt:
        _put_right(calm.folder(agent) / "genome.bin", saved[agent])
    calm.live(1)
    assert set(states(calm).values()) == {"waiting"}
    assert len(calm.events("quarantine")) == len(spoilt)


def test_genome_that_is_gone_is_written_again_as_the_registry_has_it(
    calm: ProjectUnderTest,
) -> None:
    victim = min(states(calm))
    genome = calm.folder(victim) / "genome.bin"
    saved = genome.read_bytes()
    genome.unlink()
    calm.live(1)
    assert set(states(calm).values()) == {"waiting"}
    assert genome.read_bytes() == saved
    assert victim[:13] in calm.status()["tainted"], "it may have changed since"


def _put_right(path: Path, data: bytes) -> None:
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    path.unlink(missing_ok=True)
    path.with_name("target").unlink(missing_ok=True)
    path.write_bytes(data)


def test_folder_with_what_does_not_belong_there_quarantines_its_agent_alone(
    calm: ProjectUnderTest,
) -> None:
    ids = sorted(states(calm))
    folders = [calm.folder(agent) for agent in ids]
    (folders[0] / "build.rs").write_text("fn main() {}")
    (folders[1] / "src" / "lib.rs").write_text("// mine")
    (folders[2] / "src" / "main.rs").unlink()
    os.mkfifo(folders[2] / "src" / "main.rs")
    (folders[3] / "src" / "main.rs").unlink()
    (folders[3] / "src" / "main.rs").mkdir()
    shutil.rmtree(folders[4])
    (folders[5] / ".cargo").mkdir()
    (folders[5] / ".cargo" / "config.toml").write_text("[build]\nrustc-wrapper = '/bin/false'\n")
    gone = next((folders[6] / "src" / "genes").glob("[!m]*.rs"))
    saved = gone.read_bytes()
    gone.unlink()
    calm.live(1)
    found = states(calm)
    assert [found[ids[n]] for n in (0, 1, 5)] == ["quarantined"] * 3
    assert found[ids[2]] == "waiting", "wiring is ours: it is put right"
    assert (folders[2] / "src" / "main.rs").is_file()
    assert found[ids[3]] == "quarantined"
    assert found[ids[4]] == "waiting", "what the registry knows is made anew"
    assert found[ids[6]] == "waiting"
    assert gone.read_bytes() == saved, "known code is put back"
    assert found[ids[7]] == "waiting"


NEW_GENE = """//! A gene from elsewhere.
use crate::kernel::Agent;

/// Votes for no change.
pub fn stay(agent: &mut Agent) {
    let last = agent.last();
    agent.vote("stay", last);
}

/// The same once more.
pub fn remain(agent: &mut Agent) {
    let last = agent.last();
    agent.vote("remain", last);
}
"""


def test_new_gene_file_becomes_active_in_some_agent_while_a_life_cycle_runs(
    project: ProjectUnderTest,
) -> None:
    project.set(mutation_rate=1.0)
    running = project.start("life-cycle", "--cycles", 20, "--set", "cycle.ticks=8")
    wait_until(lambda: project.events("cycle"), "a cycle")
    project.gene("newcomer", NEW_GENE)
    running.communicate()
    assert running.returncode == 0
    told = [event for event in project.events("command") if event["command"] == "template"]
    assert told[0]["new"] == ["src/genes/newcomer.rs"]
    active = [
        genome.id
        for genome in (genome_of(project, row["id"]) for row in project.agents())
        if any(gene.stem == "newcomer" and gene.active for gene in genome.files)
    ]
    assert active
    ran = {event["agent"] for kind in ("start", "restart") for event in project.events(kind)}
    assert ran & set(active)


def test_broken_gene_file_in_the_template_of_a_running_population_changes_nothing(
    project: ProjectUnderTest,
) -> None:
    running = project.start("life-cycle", "--set", "cycle.ticks=4", "--set", "cycle.sleep=0.2")
    wait_until(lambda: project.events("cycle"), "a cycle")
    path = project.gene("broken", "pub fn broken( {")

    def refused() -> list[str]:
        commands = project.events("command")
        return [event["refused"] for event in commands if event.get("refused")]

    reason = wait_until(refused, "a refusal")[0]
    path.unlink()
    running.terminate()
    running.communicate()
    assert running.returncode == 0
    assert "broken.rs" in reason
    assert "line 1" in reason or ":1" in reason
