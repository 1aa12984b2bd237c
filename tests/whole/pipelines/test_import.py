"""`evolve import`: agents made elsewhere are founded here, after the same checks."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from project_support import ProjectUnderTest

from evolve_ai.model.genome import decode, encode


@pytest.fixture
def strangers(calm: ProjectUnderTest, tmp_path: Path) -> Path:
    """Copies of agents under ids that nobody knows."""
    folder = tmp_path / "strangers"
    for number, row in enumerate(calm.agents()[:6]):
        agent = f"{number:08d}{row['id'][8:]}"
        home = folder / str(number)
        shutil.copytree(calm.folder(row["id"]), home)
        genome = decode((home / "genome.bin").read_bytes())
        (home / "genome.bin").write_bytes(encode(replace(genome, id=agent)))
    return folder


def test_good_folder_is_founded_and_lives(calm: ProjectUnderTest, strangers: Path) -> None:
    before = calm.status()["population"]
    done = calm.evolve("import", strangers / "0")
    assert "imported 00000000" in done.out
    after = calm.status()["population"]
    assert after["founders"] == before["founders"] + 1
    calm.live(1)
    assert calm.evolve("show", "00000000", "--json").json["agent"]["state"] == "waiting"
    assert calm.events("start", calm.evolve("show", "00000000", "--json").json["agent"]["id"])
    again = calm.evolve("import", strangers / "0", code=1)
    assert "known here already" in again.err


def test_folders_that_break_a_rule_are_refused_each_with_its_reason(
    calm: ProjectUnderTest, strangers: Path
) -> None:
    kernel = strangers / "0" / "src" / "lib.rs"
    kernel.write_bytes(kernel.read_bytes() + b"\n// Mine.\n")
    genome = decode((strangers / "1" / "genome.bin").read_bytes())
    gene = next(gene for gene in genome.files if gene.active)
    hostile = strangers / "1" / gene.path
    hostile.write_bytes(hostile.read_bytes() + b'\nfn f() { std::fs::remove_file("x").unwrap() }\n')
    (strangers / "2" / "build.rs").write_text("fn main() {}")
    (strangers / "3" / "genome.bin").unlink()
    os.mkfifo(strangers / "3" / "genome.bin")
    genome = decode((strangers / "4" / "genome.bin").read_bytes())
    gene = next(gene for gene in genome.files if gene.active)
    (strangers / "4" / gene.path).write_bytes(b"// Empty.\n")
    done = calm.evolve("import", strangers, code=1)
    assert "imported 00000005" in done.out
    for number, words in enumerate(("kernel", "std::fs", "build.rs", "no regular file", "")):
        line = next(line for line in done.err.splitlines() if f"strangers/{number}" in line)
        assert words in line
    assert "1 imported, 5 refused" in done.err


def test_offer_that_nobody_has_taken_is_what_the_agent_is(
    calm: ProjectUnderTest, strangers: Path
) -> None:
    home = strangers / "0"
    genome = decode((home / "genome.bin").read_bytes())
    mutated = replace(genome, traits={**genome.traits, "mutation_rate": 0.75})
    (home / "state" / "genome.bin").write_bytes(encode(mutated))
    done = calm.evolve("import", home)
    assert "imported 00000000" in done.out
    founded = decode((calm.folder(genome.id) / "genome.bin").read_bytes())
    assert founded.traits["mutation_rate"] == 0.75
    assert decode((home / "genome.bin").read_bytes()) == genome, "the folder is left as it is"
    (strangers / "1" / "state" / "genome.bin").write_bytes(b"broken")
    refused = calm.evolve("import", strangers / "1", code=1)
    assert "state/genome.bin: " in refused.err


def test_folder_without_agents_is_named(calm: ProjectUnderTest, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no folder with a genome.bin" in calm.evolve("import", empty, code=1).err
    assert calm.evolve("import", tmp_path / "nowhere", code=2).err


def test_missing_gene_file_is_refused_unless_its_code_is_known(
    calm: ProjectUnderTest, strangers: Path
) -> None:
    home = strangers / "0"
    genome = decode((home / "genome.bin").read_bytes())
    known, unknown, *rest = genome.files
    (home / known.path).unlink()
    (home / unknown.path).unlink()
    files = (known, replace(unknown, code="0" * 64), *rest)
    (home / "genome.bin").write_bytes(encode(replace(genome, files=files)))
    done = calm.evolve("import", home, code=1)
    assert unknown.path in done.err or "000000000000" in done.err
