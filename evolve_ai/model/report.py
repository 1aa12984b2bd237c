"""What stages report of gene code, genomes on disk and builds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from evolve_ai.model.agent import Fault, Metrics
from evolve_ai.model.genome import Genome


class Severity(StrEnum):
    """What a finding means: an error refuses the file, a warning is only told."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule of the audit says of a place in a gene file; line and column start at 1."""

    rule: str
    severity: Severity
    line: int
    column: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text} [{self.rule}]"


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What reading one gene file by its syntax tree found. `line` counts start at 1."""

    path: str
    code: str  # SHA-256 of the bytes
    genes: tuple[str, ...]  # names of the functions with the signature of a gene, in file order
    traits: tuple[str, ...]
    uses: tuple[str, ...]  # paths of other gene files, sorted
    functions: int  # all functions, genes included
    complexity: int  # McCabe 1976, summed over all functions
    lines: int
    syntax_error: str | None = None  # "line 12: …"
    findings: tuple[Finding, ...] = ()  # of the audit, by line; of syntax, too

    @property
    def audit_error(self) -> str | None:
        """The first thing that is refused in a file that can be read: "line 3: … [rule]"."""
        if self.syntax_error:
            return None
        refused = (one for one in self.findings if one.severity is Severity.ERROR)
        return next((str(one) for one in refused), None)


@dataclass(frozen=True, slots=True)
class GenePool:
    """The template as read: its gene files by path order, and what every agent has the same."""

    sources: tuple[SourceReport, ...]
    code: Mapping[str, bytes]  # by SHA-256
    fixed: Mapping[str, bytes]  # files that are the same in all agents, by relative path
    manifests: Mapping[str, bytes]  # what agents are built by, before their names are in it
    fixed_hash: str
    # Files of the template that `fixed` was made from, where these are not the same: agents of
    # older versions have them, until the next sync.
    unpacked: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def as_in_template(self) -> Mapping[str, bytes]:
        """The fixed files as somebody has written them."""
        return self.unpacked or self.fixed

    def traits(self) -> tuple[str, ...]:
        return tuple(sorted({trait for source in self.sources for trait in source.traits}))


@dataclass(frozen=True, slots=True)
class ScanReport:
    """What a look at one agent's folder found: a genome, or a fault.

    `unpacked`: files of its kernel lie there as in the template, where one file is to be.
    """

    id: str
    stamp: str
    genome: Genome | None = None
    genome_bytes: bytes = b""
    codes: tuple[tuple[str, str], ...] = ()  # (path, SHA-256) of the gene files in the folder
    fault: Fault | None = None
    metrics: Metrics | None = None
    unpacked: bool = False


@dataclass(frozen=True, slots=True)
class Needs:
    """What the programs of a language need at least, before a gene has done anything."""

    memory_bytes: int  # address space
    descriptors: int  # open at one time, the five of every agent among them
    threads: int = 1
    libraries: tuple[str, ...] = ()  # files and folders that its programs load code from


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """One wiring to turn into a program. `calls` and `files` are in calling order."""

    agent: str
    fingerprint: str
    calls: tuple[tuple[str, str], ...]  # (path of a gene file, function)
    files: tuple[tuple[str, str], ...]  # (path, SHA-256) of the active gene files


@dataclass(frozen=True, slots=True)
class Program:
    """How to start what was built: a file and its arguments (argv[0] is the caller's).

    `sha256` is what the file must be when it is started; empty: nobody vouches for it.
    """

    file: Path
    arguments: tuple[str, ...] = ()
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class BuildVerdict:
    """What became of one request: a program, or the fault with file and line in its folder."""

    agent: str
    fingerprint: str
    program: Program | None = None
    fault: Fault | None = None
    reused: bool = False  # no compiler was asked
    outside: bool = False  # the machine is to blame, not the code: another run tries again


@dataclass(frozen=True, slots=True)
class BuildProgress:
    """How far a build is. Units that were compiled some time before count as done."""

    units_done: int
    units: int
    wirings: int  # that wait for this build
    over: bool = False


@dataclass(frozen=True, slots=True)
class UnitReport:
    """What is known of one compiled body of gene code."""

    name: str
    files: tuple[str, ...]
    uses: tuple[str, ...]  # files of other units
    state: str  # "ready": in the store; "failed"; "unbuilt"
    reason: str = ""  # why it failed


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a program is made of, and why it is there or is not."""

    ingredients: tuple[tuple[str, str], ...]  # of the fingerprint: (name, value)
    units: tuple[UnitReport, ...]
    reason: str  # a sentence
    program: Program | None = None
    fault: Fault | None = None
