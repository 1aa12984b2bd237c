"""What the reader of a template accepts, a genome can say and a compiler can call."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rust_support import copy_template

from evolve_ai.model.errors import TemplateError
from evolve_ai.model.genome import FileGene, Genome, decode, encode
from evolve_ai.model.report import GenePool
from evolve_ai.substrates.rust.gene_names import KEYWORDS
from evolve_ai.substrates.rust.pool import MOST_BYTES, read_pool
from evolve_ai.substrates.rust.source import read_source
from evolve_ai.substrates.rust.substrate import RustSubstrate

ID = "00000000-0000-4000-8000-000000000000"
HEAD = "use crate::kernel::Agent;\n"
BODY = '(agent: &mut Agent) {\n    let _ = agent.trait_in("size", 0.0, 1.0);\n}\n'


def gene(name: str) -> str:
    return f"pub fn {name}{BODY}"


def whole(pool: GenePool) -> Genome:
    """The genome of an agent that has everything, active."""
    files = tuple(
        FileGene(one.path, one.code, True, tuple((name, True) for name in one.genes))
        for one in pool.sources
    )
    return Genome(ID, 0, (), files, dict.fromkeys(pool.traits(), 0.5))


def template(tmp_path: Path, **files: str) -> Path:
    made = copy_template(tmp_path / "template")
    for name, code in files.items():
        (made / "src" / "genes" / f"{name}.rs").write_text(code)
    return made


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("r#loop", "cannot be called `loop`"),
        ("r#gen", "cannot be called `gen`"),
        ("gen", "cannot be called `gen`"),
        ("größe", "ASCII"),
        ("a" * 65, "has 65 letters, 64 are allowed"),
    ],
)
def test_gene_that_no_genome_can_name_is_refused_with_file_and_line(
    name: str, reason: str, tmp_path: Path
) -> None:
    made = template(tmp_path, odd=f"{HEAD}\n{gene(name)}")
    with pytest.raises(TemplateError) as error:
        read_pool(made)
    assert error.value.where == "src/genes/odd.rs:3"
    assert reason in error.value.what
    assert error.value.todo


def test_gene_that_stands_twice_is_refused(tmp_path: Path) -> None:
    made = template(tmp_path, odd=HEAD + gene("step") + gene("r#step"))
    with pytest.raises(TemplateError, match="`step` stands twice"):
        read_pool(made)


@pytest.mark.parametrize(
    "name",
    [b"two words.rs", b"1st.rs", b"r#loop.rs", b"loop.rs", b"gen.rs", b"_.rs", b"a-b.rs",
     b"\xff\xfe.rs", "größe.rs".encode(), b"a" * 65 + b".rs", b"x.RS", b"a.b.rs", b".rs.rs"],
)  # fmt: skip
def test_file_that_no_genome_can_name_is_refused(name: bytes, tmp_path: Path) -> None:
    made = template(tmp_path)
    Path(os.fsdecode(os.fsencode(made / "src" / "genes") + b"/" + name)).write_text(HEAD)
    if name.startswith(b"."):
        read_pool(made)  # hidden: no gene, and in nobody's way
        return
    with pytest.raises(TemplateError) as error:
        read_pool(made)
    assert "src/genes/" in str(error.value.where)
    assert "rename" in (error.value.todo or "")
    str(error.value).encode(errors="backslashreplace")


def test_gene_files_in_a_folder_of_their_own_are_not_left_out_in_silence(tmp_path: Path) -> None:
    made = template(tmp_path)
    (made / "src" / "genes" / "more").mkdir()
    (made / "src" / "genes" / "more" / "x.rs").write_text(HEAD)
    with pytest.raises(TemplateError, match=r"more/x\.rs: gene files lie in src/genes itself"):
        read_pool(made)


def test_template_whose_genome_would_be_too_large_is_refused_with_the_number(
    tmp_path: Path,
) -> None:
    many = {f"gene_{n:03}": HEAD + gene("step") for n in range(600)}
    with pytest.raises(TemplateError) as error:
        read_pool(template(tmp_path, **many))
    assert f"{MOST_BYTES} are allowed" in error.value.what
    assert "605 gene files" in error.value.what


def test_template_that_just_fits_can_be_told_of_in_each_frame(tmp_path: Path) -> None:
    from evolve_ai.colony import pasts
    from evolve_ai.model import frame
    from evolve_ai.model.world import Percept
    from evolve_ai.stages.supervise import offered

    many = {f"gene_{n:03}": HEAD + gene("step") for n in range(400)}
    pool = read_pool(template(tmp_path, **many))
    genome, genes = encode(whole(pool)), offered(pool)
    frame.encode(
        frame.hello(
            epoch=2**40, tick=2**40, id=ID, seed=2**64 - 1, genome=genome,
            state=bytes(frame.MAX_STATE), orphan_seconds=600, pool=genes,
        )
    )  # fmt: skip
    long = Percept((0.1,) * 5000, (0.1,) * 256, -(2**53))
    rounds, last = pasts.cut({ID: long}, {ID: genes})
    encoder = frame.PerceptEncoder(epoch=2**40, tick=2**40, cycle=2**40)
    encoder.frame(last[ID], genes)
    assert sum(len(one[ID].steps) for one in rounds.values()) + len(last[ID].steps) == 5000


# Names that mean something elsewhere in the wiring, the kernel, or Rust.
ODD = ("std", "core", "alloc", "kernel", "agent", "genes", "main", "lib", "live", "Gene", "GENES",
       "Agent", "union", "auto", "default", "self_", "__", "u8", "Vec", "a" * 64)  # fmt: skip


KEPT = ("std", "core", "alloc", "Agent")  # the audit keeps these for what they always mean


def test_odd_names_that_are_accepted_compile(tmp_path: Path) -> None:
    code = HEAD + "".join(gene(name) for name in (*ODD, "r#step") if name not in KEPT)
    made = template(tmp_path, **dict.fromkeys(ODD, code))
    genome = whole(read_pool(made))
    assert decode(encode(genome)) == genome
    for path, data in RustSubstrate().wiring(genome).items():
        (made / path).write_bytes(data)
    built = subprocess.run(
        ["cargo", "build", "--offline", "--quiet"], cwd=made, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr


words = st.one_of(
    st.from_regex(r"(r#)?[A-Za-z_][A-Za-z0-9_]{0,70}", fullmatch=True),
    st.sampled_from(sorted(KEYWORDS)).flatmap(lambda word: st.sampled_from([word, f"r#{word}"])),
    st.text(max_size=8),
)


@given(st.lists(words, min_size=1, max_size=6))
@example(["r#loop"])
@example(["r#step", "step"])
def test_whatever_a_reader_accepts_a_genome_can_say(names: list[str]) -> None:
    code = (HEAD + "".join(gene(name) for name in names)).encode(errors="surrogatepass")
    report = read_source("src/genes/x.rs", code)
    if report.syntax_error or report.audit_error:
        return
    functions = tuple((name, True) for name in report.genes)
    genome = Genome(
        ID, 0, (), (FileGene(report.path, report.code, True, functions),),
        dict.fromkeys(report.traits, 0.5),
    )  # fmt: skip
    assert decode(encode(genome)) == genome
    assert set(report.genes) <= {name.removeprefix("r#") for name in names}
