"""Owns what the conformance suite is given of each substrate: a template, and gene files."""

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evolve_ai.guards.substrate import guarded_substrate
from evolve_ai.model.genome import FileGene, Genome
from evolve_ai.model.report import BuildRequest, GenePool
from evolve_ai.model.sandbox import Confinement
from evolve_ai.model.settings import Settings
from evolve_ai.stages.build import request_of
from evolve_ai.substrates.rust.substrate import RustSubstrate
from evolve_ai.system.guard import Guard
from evolve_ai.system.project import Project

TESTS = Path(__file__).parents[1]
SCRIPTS = Path(__file__).parent / "script"
sys.path.append(str(SCRIPTS))
from script_substrate import ScriptSubstrate  # noqa: E402 - as the user's own, from a folder

RUST_GENE = "use crate::kernel::Agent;\n\npub fn run(agent: &mut Agent) {{\n    {}\n}}\n"
IDS = tuple(f"00000000-0000-4000-8000-{number:012}" for number in range(3))


@dataclass(frozen=True)
class Words:
    """Gene files of a language, each with a function `run` where it can be read: `plain` is sound,
    `broken` cannot be read, `refused` reaches for the clock of the machine, and `user` uses the
    gene file `used`."""

    plain: str
    broken: str
    refused: str
    user: str
    used: str


RUST = Words(
    RUST_GENE.format("agent.forecast *= 0.5;"),
    "pub fn run(agent: &mut Agent {",
    RUST_GENE.format("let _ = std::time::Instant::now();"),
    RUST_GENE.format("crate::genes::used::half(agent);"),
    RUST_GENE.format("half(agent);")
    + "pub fn half(agent: &mut Agent) { agent.forecast *= 0.5; }\n",
)
SCRIPT = Words(
    "def run(agent):\n    agent.forecast *= 0.5\n",
    "def run(agent:\n",
    "import time\n\ndef run(agent):\n    time.time()\n",
    "from genes import used\n\ndef run(agent):\n    used.half(agent)\n",
    "def run(agent):\n    half(agent)\n\ndef half(agent):\n    agent.forecast *= 0.5\n",
)


@dataclass
class Case:
    """A substrate, the template that it comes with, and a workspace of its own."""

    substrate: Any
    template: Path
    words: Words
    workspace: Path
    keeper: Path
    libraries: tuple[Path, ...] = field(default=())

    def pool(self, template: Path | None = None) -> GenePool:
        read: GenePool = self.substrate.read_pool(template or self.template)
        return self.substrate.equip(self.workspace, read)  # type: ignore[no-any-return]

    def copy(self, to: Path, **files: str) -> Path:
        """The template with these gene files, by name, beside its own."""
        shutil.copytree(self.template, to, ignore=shutil.ignore_patterns("target", "__pycache__"))
        for name, text in files.items():
            (to / self.substrate.genes.path_of(name)).write_text(text)
        return to

    def builder(self, pool: GenePool) -> Any:
        return self.substrate.builder(self.workspace, pool, self.confine)

    def confine(self) -> Confinement:
        return Confinement(self.keeper, self.libraries)

    def request(self, genome: Genome, pool: GenePool) -> BuildRequest:
        return request_of(self.substrate.fingerprint(genome, pool), genome)

    def write(self, folder: Path, genome: Genome, pool: GenePool) -> Path:
        """An agent's folder, as a life-cycle writes it."""
        generated = {
            **self.substrate.wiring(genome),
            **self.substrate.manifests(pool.manifests, genome.id),
        }
        genes = {gene.path: pool.code[gene.code] for gene in genome.files}
        for path, data in {**pool.fixed, **genes, **generated}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        (folder / "state").mkdir(exist_ok=True)
        return folder


def genome_of(pool: GenePool, agent: str = IDS[0], active: bool = True) -> Genome:
    """All files of the pool, each active with its first gene, or none."""
    files = tuple(
        FileGene(
            source.path,
            source.code,
            active,
            tuple((name, active and not n) for n, name in enumerate(source.genes)),
        )
        for source in pool.sources
    )
    return Genome(agent, 0, (), files, {"mutation_rate": 0.0})


def rust(root: Path) -> RustSubstrate:
    settings = Settings()
    return RustSubstrate(settings.build, settings.crates, root, settings.audit)


def script(root: Path) -> Any:
    return guarded_substrate(
        Guard("substrate", "script_substrate:ScriptSubstrate", 60.0, root),
        ScriptSubstrate(Project(root, Settings())),
    )


# name -> (what makes it in a project, its template, its words)
SUBSTRATES: Mapping[str, tuple[Callable[[Path], Any], Path, Words]] = {
    "rust": (rust, TESTS.parent / "agent_template", RUST),
    "script": (script, SCRIPTS / "template", SCRIPT),
}


def sysroot_of(name: str) -> tuple[Path, ...]:
    if name != "rust":
        return ()
    from toolchains import real_sysroot

    return (real_sysroot(), Path(os.path.realpath("/usr/bin/cc")).parent)
