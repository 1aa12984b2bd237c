"""Owns Rust as a language of agents: one thin class over the parts of this folder."""

from collections.abc import Mapping
from pathlib import Path

from evolve_ai.model.genome import Genome
from evolve_ai.model.report import GenePool, SourceReport
from evolve_ai.model.settings import BuildSettings
from evolve_ai.substrates.rust import manifest, pool, source, viability, wiring
from evolve_ai.substrates.rust.builder import DEFAULTS, RustBuilder
from evolve_ai.substrates.rust.fingerprint import fingerprint
from evolve_ai.substrates.rust.toolchain import toolchain_line


class RustSubstrate:
    """Agents that are Cargo projects. Satisfies contracts.substrate.Substrate."""

    name = "rust"
    wiring_files = frozenset({wiring.MAIN, wiring.MODULES})
    manifest_file = pool.MANIFEST

    def __init__(self, settings: BuildSettings = DEFAULTS):
        self._settings = settings
        self._toolchain: str | None = None

    def read_pool(self, template: Path) -> GenePool:
        return pool.read_pool(template)

    def pool_stamp(self, template: Path) -> str:
        return pool.pool_stamp(template)

    def read_source(self, path: str, code: bytes) -> SourceReport:
        return source.read_source(path, code)

    def wiring(self, genome: Genome) -> Mapping[str, bytes]:
        return wiring.wiring(genome)

    def manifest(self, template: bytes, agent: str) -> bytes:
        return manifest.agent_manifest(template, agent)

    def viability(self, genome: Genome, sources: Mapping[str, SourceReport]) -> str | None:
        return viability.viability(genome, sources)

    def toolchain(self) -> str:
        if self._toolchain is None:
            self._toolchain = toolchain_line()
        return self._toolchain

    def fingerprint(self, genome: Genome, pool: GenePool) -> str:
        return fingerprint(genome, pool.fixed_hash, self.toolchain())

    def builder(self, workspace: Path, pool: GenePool) -> RustBuilder:
        return RustBuilder(workspace, pool, self.toolchain, self._settings)
