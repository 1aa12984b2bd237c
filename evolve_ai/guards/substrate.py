"""Guards a substrate of the user's own, its builders and its read-only builders."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from evolve_ai.contracts.substrate import Confine, Progress
from evolve_ai.guards import values
from evolve_ai.guards.language import VERBS, Guarded, GuardedLanguage
from evolve_ai.guards.values import instance, text
from evolve_ai.model.gene_names import GeneNames
from evolve_ai.model.genome import Genome, is_gene_path
from evolve_ai.model.report import (
    BuildRequest,
    BuildVerdict,
    Explanation,
    GenePool,
    Needs,
    Program,
    SourceReport,
)
from evolve_ai.model.sandbox import STATE
from evolve_ai.system.guard import Guard, WrongValueError

_BUILDER = ("ready", "build", "trial", "forget", "prune")
_READ_ONLY = ("ready", "verify", "explain")
_MOST = 1_000_000
_SUBSTRATE = (
    "trial", "read_pool", "pool_stamp", "equip", "equipped", "read_source", "policy_hash",
    "rule_reason", "wiring", "manifests", "viability", "fingerprint", "builder",
    "read_only_builder",
)  # fmt: skip


class GuardedReadOnlyBuilder(Guarded):
    """Satisfies contracts.substrate.ReadOnlyBuilder."""

    def ready(self, requests: Sequence[BuildRequest]) -> Mapping[str, Program]:
        return self._ask("ready", _programs, tuple(requests))  # type: ignore[no-any-return]

    def verify(self) -> tuple[int, Sequence[tuple[Path, str]]]:
        return self._ask("verify", _verified)  # type: ignore[no-any-return]

    def explain(self, request: BuildRequest, code: Mapping[str, bytes]) -> Explanation:
        return self._ask(  # type: ignore[no-any-return]
            "explain", lambda told: instance(told, Explanation, "an explanation"), request, code
        )


class GuardedBuilder(Guarded):
    """Satisfies contracts.substrate.Builder. A build has time limits of its own ([build])."""

    def ready(self, requests: Sequence[BuildRequest]) -> Mapping[str, Program]:
        return self._ask("ready", _programs, tuple(requests))  # type: ignore[no-any-return]

    def build(
        self, requests: Sequence[BuildRequest], progress: Progress | None = None
    ) -> tuple[BuildVerdict, ...]:
        wanted = [(one.agent, one.fingerprint) for one in requests]
        return self._ask(  # type: ignore[no-any-return]
            "build", lambda answer: _verdicts(answer, wanted), tuple(requests), progress
        )

    def trial(
        self, requests: Sequence[BuildRequest], progress: Progress | None = None
    ) -> tuple[BuildVerdict, ...]:
        wanted = [(one.agent, one.fingerprint) for one in requests]
        return self._ask(  # type: ignore[no-any-return]
            "trial", lambda answer: _verdicts(answer, wanted), tuple(requests), progress
        )

    def forget(self, requests: Sequence[BuildRequest]) -> None:
        self._ask("forget", values.nothing, tuple(requests))

    def prune(self, needed: Sequence[BuildRequest], running: Iterable[Path]) -> int:
        return self._ask(  # type: ignore[no-any-return]
            "prune",
            lambda gone: values.integer(gone, "how many are gone", 0),
            tuple(needed),
            tuple(running),
        )


class GuardedSubstrate(GuardedLanguage):
    """Satisfies contracts.substrate.Substrate."""

    def __init__(self, guard: Guard, inner: Any):
        super().__init__(guard, inner)
        self.genes: GeneNames = self._fact("genes", _gene_names)
        self.ignored: frozenset[str] = self._fact("ignored", _names)
        self.needs: Needs = self._fact("needs", lambda it: instance(it, Needs, "its needs"))
        self.wiring_files: frozenset[str] = self._fact("wiring_files", _names)

    def trial(self, folder: Path, confine: Confine) -> str:
        return self._text("trial", folder, confine)

    def read_pool(self, template: Path) -> GenePool:
        return self._ask("read_pool", _pool, template)  # type: ignore[no-any-return]

    def pool_stamp(self, template: Path) -> str:
        return self._text("pool_stamp", template)

    def equip(self, workspace: Path, pool: GenePool) -> GenePool:
        return self._ask("equip", _pool, workspace, pool)  # type: ignore[no-any-return]

    def equipped(self, workspace: Path, pool: GenePool) -> GenePool:
        return self._ask("equipped", _pool, workspace, pool)  # type: ignore[no-any-return]

    def read_source(self, path: str, code: bytes, manifests: Mapping[str, bytes]) -> SourceReport:
        return self._ask(  # type: ignore[no-any-return]
            "read_source",
            lambda report: instance(report, SourceReport, "a report"),
            path,
            code,
            manifests,
        )

    def policy_hash(self, manifests: Mapping[str, bytes]) -> str:
        return self._text("policy_hash", manifests)

    def rule_reason(self, rule: str) -> str:
        return self._text("rule_reason", rule)

    def wiring(self, genome: Genome) -> Mapping[str, bytes]:
        return self._ask("wiring", _files, genome)  # type: ignore[no-any-return]

    def manifests(self, pool: Mapping[str, bytes], agent: str) -> Mapping[str, bytes]:
        return self._ask("manifests", _files, pool, agent)  # type: ignore[no-any-return]

    def viability(self, genome: Genome, sources: Mapping[str, SourceReport]) -> str | None:
        return self._ask(  # type: ignore[no-any-return]
            "viability",
            lambda why: None if why is None else text(why, "a reason"),
            genome,
            sources,
        )

    def fingerprint(self, genome: Genome, pool: GenePool) -> str:
        return self._text("fingerprint", genome, pool)

    def builder(self, workspace: Path, pool: GenePool, confine: Confine) -> GuardedBuilder:
        made = self._ask(
            "builder", lambda it: values.offers(it, _BUILDER, "a builder"), workspace, pool, confine
        )
        return GuardedBuilder(self._guard, made)

    def read_only_builder(self, workspace: Path, pool: GenePool) -> GuardedReadOnlyBuilder:
        made = self._ask(
            "read_only_builder",
            lambda it: values.offers(it, _READ_ONLY, "a read-only builder"),
            workspace,
            pool,
        )
        return GuardedReadOnlyBuilder(self._guard, made)


def _names(value: object) -> frozenset[str]:
    return frozenset(text(one, "a name") for one in values.items(value, "names", _MOST))


def _gene_names(value: object) -> GeneNames:
    """Below the agent's own folder, and not where the agent may write."""
    names: GeneNames = instance(value, GeneNames, "its names of genes")
    within = names.folder.endswith("/") and names.folder.partition("/")[0] != STATE
    if not within or not is_gene_path(names.path_of("a")):
        raise WrongValueError(f"keeps gene files as {names.form!r}, a form such as genes/<name>.x")
    return names


def _files(value: object) -> dict[str, bytes]:
    found = values.mapping(value, "files")
    for path in found:
        if path.startswith("/") or ".." in path.split("/"):
            raise WrongValueError(f"named {path[:80]!r}, which lies outside the agent's folder")
    return {path: values.binary(data, f"the content of {path}") for path, data in found.items()}


def _pool(value: object) -> GenePool:
    pool: GenePool = instance(value, GenePool, "a pool")
    for source in values.items(pool.sources, "sources", _MOST):
        if instance(source, SourceReport, "a source").code not in pool.code:
            raise WrongValueError(f"left the code of {source.path} out of its pool")
    return pool


def _programs(value: object) -> dict[str, Program]:
    found = values.mapping(value, "programs")
    return {key: instance(one, Program, "a program") for key, one in found.items()}


def _verdicts(value: object, wanted: Sequence[tuple[str, str]]) -> tuple[BuildVerdict, ...]:
    found = [
        instance(one, BuildVerdict, "a verdict") for one in values.items(value, "verdicts", _MOST)
    ]
    if [(one.agent, one.fingerprint) for one in found] != list(wanted):
        raise WrongValueError("returned verdicts that are not one for each request, in order")
    return tuple(found)


def _verified(value: object) -> tuple[int, list[tuple[Path, str]]]:
    count, broken = values.items(value, "parts of a verification", 2)
    findings = values.items(broken, "findings", _MOST)
    pairs = [values.items(pair, "parts of a finding", 2) for pair in findings]
    return values.integer(count, "how many there are", 0), [
        (instance(path, Path, "a place"), text(why, "a reason")) for path, why in pairs
    ]


def guarded_substrate(guard: Guard, inner: Any) -> GuardedSubstrate:
    """PluginError when it is no substrate. Its calls may last as long as the guard's."""
    verbs = (*VERBS, *_SUBSTRATE)
    guard.call("__init__", lambda: inner, lambda made: values.offers(made, verbs, "a substrate"))
    return GuardedSubstrate(guard, inner)
