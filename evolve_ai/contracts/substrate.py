"""The contract of a substrate: a language in which agents are written."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from evolve_ai.contracts.language import Language
from evolve_ai.model.gene_names import GeneNames
from evolve_ai.model.genome import Genome
from evolve_ai.model.report import (
    BuildProgress,
    BuildRequest,
    BuildVerdict,
    Explanation,
    GenePool,
    Needs,
    Program,
    SourceReport,
)
from evolve_ai.model.sandbox import Confinement

# Asked when a compiler is about to start: what makes the box may itself have to be compiled.
Confine = Callable[[], Confinement]
Progress = Callable[[BuildProgress], None]


class Builder(Protocol):
    """Turns wirings into programs, and keeps what it built."""

    # The programs that can be started now, without a compiler, by fingerprint.
    def ready(self, requests: Sequence[BuildRequest]) -> Mapping[str, Program]: ...

    # Build every request; one verdict each, in order. `progress` is called while a compiler is at
    # work, and once when that is over.
    def build(
        self, requests: Sequence[BuildRequest], progress: Progress | None = None
    ) -> tuple[BuildVerdict, ...]: ...

    # Forget why these could not be built, so that the next build tries them again.
    def forget(self, requests: Sequence[BuildRequest]) -> None: ...

    # Forget what neither these wirings need nor a process runs (`running` are the files of
    # programs), as far as the size limit asks for it. Programs may have moved: ask ready() anew.
    def prune(self, needed: Sequence[BuildRequest], running: Iterable[Path]) -> int: ...


class Trier(Builder, Protocol):
    """A builder that can also be asked what compiles."""

    # What the compiler says of these: a verdict for each, in order, of which those without a fault
    # compile. No program is kept; whoever is tried again is not compiled again.
    def trial(
        self, requests: Sequence[BuildRequest], progress: Progress | None = None
    ) -> tuple[BuildVerdict, ...]: ...


class ReadOnlyBuilder(Protocol):
    """Sees what a builder keeps, also beside one that builds. Writes nothing."""

    # As a builder's.
    def ready(self, requests: Sequence[BuildRequest]) -> Mapping[str, Program]: ...

    # Looks at every program that is kept: how many, and which are not what this project has signed,
    # each as (where it lies, why).
    def verify(self) -> tuple[int, Sequence[tuple[Path, str]]]: ...

    # What this program is made of, and why it is there or is not. `code` is what lies in the
    # agent's folder, by SHA-256.
    def explain(self, request: BuildRequest, code: Mapping[str, bytes]) -> Explanation: ...


class Substrate(Language, Protocol):
    """A language whose programs can live: all that the stages need to know of it."""

    # Where gene files lie, and what they and their functions may be called.
    genes: GeneNames

    # What its tools leave in an agent's folder, and nobody looks into: the paths of files, and of
    # folders, which have a slash at the end.
    ignored: frozenset[str]

    # The least room in which its programs can live; settings that allow less are refused.
    needs: Needs

    # Build a program of one line in this empty folder, and run it; how that went, in a few words.
    # EvolveError when it cannot be done, with the first error of the compiler.
    def trial(self, folder: Path, confine: Confine) -> str: ...

    # Read the template as a gene pool; TemplateError names file, line and reason.
    def read_pool(self, template: Path) -> GenePool: ...

    # Changes whenever a file of the template does; cheap enough for every cycle.
    def pool_stamp(self, template: Path) -> str: ...

    # The pool with all that it needs from elsewhere, kept in this workspace; the only step that
    # may go online, and only the first time.
    def equip(self, workspace: Path, pool: GenePool) -> GenePool: ...

    # The same pool as equip() gave it some time before; nothing is written and nothing fetched.
    # ToolchainError when equip() was never called.
    def equipped(self, workspace: Path, pool: GenePool) -> GenePool: ...

    # Read, audit and measure one gene file of a pool with these manifests. Never raises for what
    # is in the file.
    def read_source(
        self, path: str, code: bytes, manifests: Mapping[str, bytes]
    ) -> SourceReport: ...

    # What decides, beside the code itself, what read_source() says with these manifests: verdicts
    # are kept by it.
    def policy_hash(self, manifests: Mapping[str, bytes]) -> str: ...

    # Why there is the rule that findings of read_source() name so, in a sentence.
    def rule_reason(self, rule: str) -> str: ...

    # The generated files of an agent, by relative path.
    def wiring(self, genome: Genome) -> Mapping[str, bytes]: ...

    # The relative paths of those files: what a genome may never name.
    wiring_files: frozenset[str]

    # The manifests of a pool made those of this agent, by relative path.
    def manifests(self, pool: Mapping[str, bytes], agent: str) -> Mapping[str, bytes]: ...

    # Why this genome cannot live with these sources (by SHA-256), or None.
    def viability(self, genome: Genome, sources: Mapping[str, SourceReport]) -> str | None: ...

    # What the program of this genome is made of, as one hash (without the agent's name).
    def fingerprint(self, genome: Genome, pool: GenePool) -> str: ...

    # A builder whose store and build area lie in this workspace; its compilers run confined.
    def builder(self, workspace: Path, pool: GenePool, confine: Confine) -> Trier: ...

    # One who looks at what the builder of this workspace keeps.
    def read_only_builder(self, workspace: Path, pool: GenePool) -> ReadOnlyBuilder: ...
