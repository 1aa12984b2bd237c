"""Owns the small things that tests of the Rust substrate share."""

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path

from toolchains import real_sysroot

from evolve_ai.contracts.substrate import Confine
from evolve_ai.model.genome import FileGene, Genome
from evolve_ai.model.report import BuildRequest, GenePool
from evolve_ai.model.sandbox import Confinement
from evolve_ai.model.settings import BuildSettings
from evolve_ai.substrates.rust.builder import DEFAULTS, RustBuilder
from evolve_ai.substrates.rust.compiler import Compiler
from evolve_ai.substrates.rust.substrate import RustSubstrate
from evolve_ai.substrates.rust.toolchain import find_toolchain

# In the environment, for other processes of a test: the keeper's program.
KEEPER = "EVOLVE_TEST_KEEPER"
FIXTURES = Path(__file__).parent / "fixtures"
TEMPLATE = Path(__file__).parents[3] / "agent_template"


def boxed() -> Confinement:
    return Confinement(Path(os.environ[KEEPER]), (real_sysroot(),))


def compiler_of(settings: BuildSettings = DEFAULTS, confine: Confine = boxed) -> Compiler:
    return Compiler(lambda: find_toolchain(Path.cwd()), confine, settings)


class BoxedRust(RustSubstrate):
    """Its builders need not be told how to confine their compilers."""

    def builder(self, workspace: Path, pool: GenePool, confine: Confine = boxed) -> RustBuilder:
        return super().builder(workspace, pool, confine)


def copy_template(to: Path, *overlays: str, start: Path = FIXTURES / "healthy") -> Path:
    """A template in a folder of its own, with the files of these fixtures laid over it."""
    shutil.copytree(start, to, ignore=shutil.ignore_patterns("target", "Cargo.lock"))
    for overlay in overlays:
        shutil.copytree(FIXTURES / overlay, to, dirs_exist_ok=True)
    return to


def sha(code: bytes) -> str:
    return hashlib.sha256(code).hexdigest()


def genome_of(
    pool: GenePool,
    active: Mapping[str, Iterable[str]],
    codes: Mapping[str, bytes] | None = None,
    number: int = 1,
) -> Genome:
    """A genome with these modules active, in this order, and of each these functions."""
    by_module = {source.path.split("/")[-1][:-3]: source for source in pool.sources}
    files = []
    for module, names in active.items():
        code = (codes or {}).get(module)
        digest = sha(code) if code is not None else by_module[module].code
        functions = tuple((name, True) for name in names)
        files.append(FileGene(f"src/genes/{module}.rs", digest, True, functions))
    for module, source in by_module.items():
        if module not in active:
            off = tuple((name, False) for name in source.genes)
            files.append(FileGene(source.path, source.code, False, off))
    agent = str(uuid.UUID(int=number, version=4))
    return Genome(agent, 0, (), tuple(files), {})


def request_of(substrate: RustSubstrate, genome: Genome, pool: GenePool) -> BuildRequest:
    return BuildRequest(
        agent=genome.id,
        fingerprint=substrate.fingerprint(genome, pool),
        calls=tuple((gene.path, name) for gene, name in genome.active_genes()),
        files=tuple((gene.path, gene.code) for gene in genome.active_files()),
    )


def write_agent(
    folder: Path,
    substrate: RustSubstrate,
    genome: Genome,
    pool: GenePool,
    code: Mapping[str, bytes],
) -> Path:
    """The agent's folder as a life-cycle lays it out; `code` by SHA-256."""
    files = {
        **pool.fixed,
        **{gene.path: code[gene.code] for gene in genome.files},
        **substrate.wiring(genome),
        **substrate.manifests(pool.manifests, genome.id),
    }
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder
