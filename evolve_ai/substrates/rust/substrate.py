"""Rust as a language of agents: one thin class over the modules of this folder."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from types import MappingProxyType

from evolve_ai.contracts.substrate import Confine
from evolve_ai.model.audit_settings import AuditSettings
from evolve_ai.model.errors import ToolchainError
from evolve_ai.model.genome import Genome
from evolve_ai.model.report import GenePool, Needs, SourceReport
from evolve_ai.model.settings import MIB, BuildSettings
from evolve_ai.substrates.rust import manifest, pool, source, viability, wiring
from evolve_ai.substrates.rust.builder import DEFAULTS, RustBuilder
from evolve_ai.substrates.rust.compiler import Compiler
from evolve_ai.substrates.rust.crates import CRATES, CrateStore
from evolve_ai.substrates.rust.dependencies import crate_roots
from evolve_ai.substrates.rust.fingerprint import Ingredients, fingerprint
from evolve_ai.substrates.rust.gene_names import NAMES
from evolve_ai.substrates.rust.language import RustLanguage
from evolve_ai.substrates.rust.lock import LOCK, Member, lock_of
from evolve_ai.substrates.rust.manifest import MANIFEST
from evolve_ai.substrates.rust.policy import Policy, policy_of
from evolve_ai.substrates.rust.profile import processor
from evolve_ai.substrates.rust.rules import RULES
from evolve_ai.substrates.rust.toolchain import compiler_line
from evolve_ai.substrates.rust.trial import trial
from evolve_ai.system.commands import Limits

AUDIT = AuditSettings()


class RustSubstrate(RustLanguage):
    """Agents that are Cargo projects. Satisfies contracts.substrate.Substrate."""

    genes = NAMES
    ignored = frozenset({"Cargo.lock", "target/"})
    wiring_files = frozenset({wiring.MAIN, wiring.MODULES})
    # Measured on the template: 4 MiB when idle, of which 2 are the program; frames and a genome at
    # their largest, and one file at a time beside the five descriptors of every agent.
    needs = Needs(
        memory_bytes=8 * MIB,
        descriptors=8,
        libraries=("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache"),
    )

    def __init__(
        self,
        settings: BuildSettings = DEFAULTS,
        crates: Mapping[str, str] = MappingProxyType({}),
        home: Path | None = None,
        audit: AuditSettings = AUDIT,
    ):
        super().__init__(home)
        policy_of(audit)  # refuses at once what no settings can allow
        self._audit = audit
        self._settings = settings
        self._allowed = dict(crates)
        self._processor: str | None = None

    def trial(self, folder: Path, confine: Confine) -> str:
        return trial(Compiler(self._found, confine, self._settings), folder, self._settings)

    def read_pool(self, template: Path) -> GenePool:
        return pool.read_pool(template, self._settings, self._allowed, self._audit)

    def pool_stamp(self, template: Path) -> str:
        return pool.pool_stamp(template)

    def equip(self, workspace: Path, pool: GenePool) -> GenePool:
        return _locked(pool, self._crates(workspace).lock(pool.manifests[MANIFEST]))

    def equipped(self, workspace: Path, pool: GenePool) -> GenePool:
        return _locked(pool, self._crates(workspace).kept(pool.manifests[MANIFEST]))

    def _crates(self, workspace: Path) -> CrateStore:
        limits = Limits(self._settings.timeout, self._settings.silence)
        return CrateStore(workspace.resolve() / CRATES, limits, self._found)

    def read_source(self, path: str, code: bytes, manifests: Mapping[str, bytes]) -> SourceReport:
        return source.read_source(path, code, self._policy(manifests))

    def policy_hash(self, manifests: Mapping[str, bytes]) -> str:
        return self._policy(manifests).hash

    def rule_reason(self, rule: str) -> str:
        return RULES[rule].reason

    def _policy(self, manifests: Mapping[str, bytes]) -> Policy:
        return _policy_of(self._audit, manifests[MANIFEST])

    def wiring(self, genome: Genome) -> Mapping[str, bytes]:
        return wiring.wiring(genome)

    def manifests(self, pool: Mapping[str, bytes], agent: str) -> Mapping[str, bytes]:
        made = {MANIFEST: manifest.agent_manifest(pool[MANIFEST], agent)}
        if LOCK in pool:
            member = Member(manifest.package_version(pool[MANIFEST]))
            made[LOCK] = lock_of(pool[LOCK], {f"agent-{agent}": member})
        return made

    def viability(self, genome: Genome, sources: Mapping[str, SourceReport]) -> str | None:
        return viability.viability(genome, sources)

    def _check(self) -> None:
        """A run that lasts weeks must not call by the old name what a new compiler makes."""
        if not self.toolchain().startswith(f"{compiler_line(self._found())};"):
            raise ToolchainError(
                "the compiler is not what it was when this run began",
                todo="run again: what is affected is then compiled anew",
            )

    def fingerprint(self, genome: Genome, pool: GenePool) -> str:
        return fingerprint(genome, pool.fixed_hash, self._made_with(pool))

    def builder(self, workspace: Path, pool: GenePool, confine: Confine) -> RustBuilder:
        made_with = partial(self._made_with, pool)
        compiler = Compiler(self._found, confine, self._settings)
        return RustBuilder(
            workspace,
            pool,
            made_with,
            compiler,
            self._settings,
            check=self._check,
            policy=self._policy(pool.manifests),
        )

    def read_only_builder(self, workspace: Path, pool: GenePool) -> RustBuilder:
        made_with = partial(self._made_with, pool)
        policy = self._policy(pool.manifests)
        return RustBuilder(
            workspace, pool, made_with, None, self._settings, tidy=False, policy=policy
        )

    def _made_with(self, pool: GenePool) -> Ingredients:
        """What, beside genes and kernel, decides what comes out of a build."""
        if self._processor is None:
            self._processor = processor(self._settings, self._found())
        manifests = _hash_of(pool.manifests[MANIFEST], pool.manifests.get(LOCK, b""))
        return (
            ("toolchain", self.toolchain()),
            ("processor", self._processor),
            ("profile and crates", manifests),
        )


def _locked(pool: GenePool, lock: bytes | None) -> GenePool:
    return pool if lock is None else replace(pool, manifests={**pool.manifests, LOCK: lock})


@lru_cache(maxsize=8)
def _policy_of(audit: AuditSettings, manifest: bytes) -> Policy:
    return policy_of(audit, crate_roots(manifest))


@lru_cache(maxsize=8)
def _hash_of(template: bytes, lock: bytes) -> str:
    """Of what is the same in the manifests of all agents: profile, edition, crates."""
    digest = hashlib.sha256(manifest.nameless(template))
    digest.update(b"\0" + lock)
    return digest.hexdigest()
