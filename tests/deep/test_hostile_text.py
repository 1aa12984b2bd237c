"""Whoever writes escapes for a terminal (an agent, a gene, a genome, a folder) finds no way to one.

Each kind of text is shown by real commands on a real terminal, and into a pipe.
"""

import os
import pty
import re
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from commands import EVOLVE
from project_support import UNDYING, ProjectUnderTest

from evolve_ai.model.genome import decode, encode

MARK = "pwned"
ESCAPE = f"\x1b]0;{MARK}\x07\x1b[2J\x9b31m\u202e\rcycle"
IN_RUST = "".join(f"\\u{{{ord(char):x}}}" if not char.isprintable() else char for char in ESCAPE)
GENE = "use crate::kernel::Agent;\n\npub fn {name}(agent: &mut Agent) {{\n    {body}\n}}\n"
GENES = {
    "crashes": f'if agent.age() > 1 {{ panic!("{IN_RUST}"); }}',
    "refused": f'const NONE: f64 = panic!("{IN_RUST}"); agent.keep("x", NONE);',
}
# What the terminal view writes itself: colours, the cursor of a progress bar, lines.
OURS = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[1A|\x1b\[2K|\r")
# After what of ours is taken away, nothing of this may be left.
OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def hostile_project(lasting: Callable[..., ProjectUnderTest]) -> Path:
    """Founders who crash or cannot be built, and one whose genome says it."""
    project = lasting(**UNDYING, mutation_rate=0.0, file_active=1.0, function_active=1.0)
    project.gene("crashes", GENE.format(name="crashes", body=GENES["crashes"]))
    project.gene("refused", GENE.format(name="refused", body='agent.keep("x", 1.0);'))
    project.evolve("init", 6)
    project.spoil("refused", GENE.format(name="refused", body=GENES["refused"]))
    for number, row in enumerate(project.agents()):
        folder = project.folder(row["id"])
        genome = decode((folder / "genome.bin").read_bytes())
        awake = ("crashes", "refused", "")[number % 3]
        files = tuple(
            replace(gene, active=gene.stem == awake or gene.stem not in GENES)
            for gene in genome.files
        )
        traits = {**genome.traits, ESCAPE: 0.5}
        genome = replace(genome, files=files, traits=traits, mutations={ESCAPE: 3})
        (folder / "genome.bin").write_bytes(encode(genome))
    project.live(2)
    return project.root


@pytest.fixture
def hostile(copy_of: Callable[..., ProjectUnderTest], hostile_project: Path) -> ProjectUnderTest:
    return copy_of(hostile_project)


def on_terminal(words: Sequence[object], cwd: Path) -> str:
    """What a command writes to the terminal that it runs on."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [*EVOLVE, *map(str, words)],
        stdin=its, stdout=its, stderr=its, cwd=cwd, start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "160"},
    )  # fmt: skip
    os.close(its)
    written = b""
    deadline = time.monotonic() + 60
    try:
        while time.monotonic() < deadline:
            if not select.select([ours], [], [], 0.2)[0]:
                continue
            try:
                piece = os.read(ours, 65536)
            except OSError:  # EIO: nobody holds the other end any more
                break
            if not piece:
                break
            written += piece
        process.wait(20)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return written.decode(errors="strict")


def of_state(project: ProjectUnderTest, cause: str) -> str:
    return str(next(row["id"] for row in project.agents("--all") if row["cause"] == cause))


def told(project: ProjectUnderTest, *words: object) -> str:
    """What a command shows, on a terminal and into a pipe; neither obeys any of it."""
    words = (words[0], "--project", project.root, *words[1:])
    shown = OURS.sub("", on_terminal(words, project.root))
    assert not OBEYED.search(shown), ascii(shown)
    piped = subprocess.run([*EVOLVE, *map(str, words)], capture_output=True, cwd=project.root)
    text = (piped.stdout + piped.stderr).decode()
    assert "a defect in evolve" not in text
    assert not OBEYED.search(text), ascii(text)
    return text


def test_words_of_a_crash_are_shown_and_not_obeyed(hostile: ProjectUnderTest) -> None:
    agent = of_state(hostile, "crash")
    assert b"\x1b]0;pwned\x07" in (hostile.folder(agent) / "agent.log").read_bytes()
    assert rf"\x1b]0;{MARK}\x07\x1b[2J\x9b31m\u202e\rcycle" in told(hostile, "logs", agent)
    assert MARK in told(hostile, "show", agent)
    told(hostile, "show", agent, "--json")
    told(hostile, "agents")
    told(hostile, "status")


def test_refusals_of_the_compiler_are_shown_and_not_obeyed(hostile: ProjectUnderTest) -> None:
    agent = of_state(hostile, "build")
    for words in (("show", agent), ("build", "--explain", agent), ("build",)):
        shown = told(hostile, *words)
        assert "refused.rs" in shown
        assert MARK in shown
        told(hostile, *words, "--json")


def test_refusals_of_a_template_are_shown_and_not_obeyed(hostile: ProjectUnderTest) -> None:
    hostile.gene("refused", GENE.format(name="refused", body=GENES["refused"]))
    for words in (("init", "1"), ("life-cycle", "--cycles", "1")):
        shown = told(hostile, *words)
        assert "refused.rs:4" in shown
        assert MARK in shown


def test_names_in_a_genome_are_shown_and_not_obeyed(hostile: ProjectUnderTest) -> None:
    agent = hostile.agents()[0]["id"]
    shown = told(hostile, "show", agent)
    assert rf"\x1b]0;{MARK}\x07".replace(r"\x07", "") in shown.replace(r"\x07", "").replace(
        "\n", ""
    )
    assert MARK in told(hostile, "show", agent, "--json")


def test_names_of_files_and_folders_are_shown_and_not_obeyed(
    hostile: ProjectUnderTest, tmp_path: Path
) -> None:
    folder = tmp_path / f"strangers{ESCAPE}\n  imported nobody"
    shutil.copytree(hostile.folder(hostile.agents()[0]["id"]), folder / "one")
    (folder / "one" / "genome.bin").write_bytes(ESCAPE.encode())
    shown = told(hostile, "import", folder)
    assert MARK in shown
    assert not [line for line in shown.splitlines() if line.startswith("  imported")]
    assert MARK in told(hostile, "import", f"/nowhere/{ESCAPE}")
    assert MARK in told(hostile, "show", ESCAPE)
    agent = hostile.agents()[0]["id"]
    (hostile.folder(agent) / "src" / f"{ESCAPE}.rs").write_text("// Nothing.\n")
    hostile.live(1)
    told(hostile, "show", agent)
    moved = hostile.root.rename(tmp_path / f"[red]{ESCAPE}:bomb:")
    shown = told(ProjectUnderTest(moved), "status")
    shown = "".join(shown.split())
    for words in ("[red]", ":bomb:", MARK):
        assert words in shown
    told(ProjectUnderTest(moved), "doctor")
    (moved / "evolve.toml").write_text(
        f'[cycle]\n"{IN_RUST}" = 3\n'.replace("{", "").replace("}", "")
    )
    told(ProjectUnderTest(moved), "status")
    moved.rename(hostile.root)


def test_a_life_cycle_shows_and_does_not_obey(hostile: ProjectUnderTest) -> None:
    assert "cycle" in told(hostile, "life-cycle", "--cycles", "1")
