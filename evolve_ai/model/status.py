"""The objects that `--json` prints: stable, documented by these models (and population_report)."""

from typing import Any

from pydantic import BaseModel, Field

from evolve_ai.model.population_report import AgentRow, BuildNumbers


class AgentStory(BaseModel):
    """`evolve show ID --json`: who the agent is, and what happened to it."""

    agent: AgentRow
    founder: bool
    born_cycle: int
    died_cycle: int | None
    reason: str | None
    lineage: list[str] = Field(description="elder parents, from its own back to a founder")
    cost: int = Field(description="what a tick costs it, thousandths of energy")
    metrics: dict[str, int | None] = Field(description="null: not measured before its first cycle")
    mutations: dict[str, int]
    children: list[str]
    genome: dict[str, Any]
    events: list[dict[str, Any]]


class BuildRow(BaseModel):
    """What became of one agent in `evolve build`."""

    id: str
    fingerprint: str | None = Field(description="null: it has no genome that could be built")
    verdict: str = Field(description="compiled (its batch was made now), reused, or failed")
    cause: str | None = Field(description="of a failure: build, audit, genome or signature")
    reason: str | None = Field(description="of a failure, with file and line")


class BuildResult(BaseModel):
    """`evolve build --json`. requested = compiled + reused + failed, in agents."""

    totals: BuildNumbers
    units: int = Field(description="units in the batch that was made now; 0: none was needed")
    seconds: float
    steps: dict[str, float] = Field(description="seconds by step: scan, sync, audit, build")
    agents: list[BuildRow]


class FindingRow(BaseModel):
    """What one rule of the audit says of a place; line and column start at 1."""

    rule: str
    severity: str = Field(description="error (refuses the file) or warning")
    line: int
    column: int
    text: str
    reason: str = Field(description="why there is such a rule")


class AuditedFile(BaseModel):
    """One distinct content of a gene file, with who holds it."""

    path: str
    code: str = Field(description="SHA-256")
    agents: int = Field(description="living agents, of those asked for, that hold it")
    active: int = Field(description="those of them whose genome activates it")
    cached: bool = Field(description="the verdict was known from before")
    findings: list[FindingRow]


class AuditRow(BaseModel):
    """One agent in `evolve audit`."""

    id: str
    state: str
    verdict: str = Field(description="clean, warned, or refused")
    cause: str | None = Field(description="of a folder that is refused: audit or genome")
    reason: str | None = Field(description="of a refusal, with file and line")
    files: dict[str, str] = Field(description="its gene files: path and SHA-256")


class AuditTotals(BaseModel):
    """agents = clean + warned + refused; findings in distinct files."""

    agents: int
    clean: int
    warned: int
    refused: int
    files: int
    errors: int
    warnings: int


class AuditResult(BaseModel):
    """`evolve audit --json`: what the policy says of agents' folders as they are now."""

    policy: str = Field(description="hash of the policy that the verdicts are by")
    totals: AuditTotals
    seconds: float
    files: list[AuditedFile]
    agents: list[AuditRow]


class UnitRow(BaseModel):
    """One compiled body of gene code."""

    name: str
    files: list[str]
    uses: list[str] = Field(description="files of other units")
    state: str = Field(description="ready (in a batch), failed, or unbuilt")
    reason: str


class ProgramFacts(BaseModel):
    """Where a program lies, and how many of the living share it."""

    file: str
    arguments: list[str]
    bytes: int
    file_sharers: int = Field(description="other living agents whose programs lie in this file")
    sharers: int = Field(description="those of them whose arguments are the same, too")


class BuildExplanation(BaseModel):
    """`evolve build --explain ID --json`: what an agent's program is made of, and what of it is."""

    agent: str
    state: str
    verdict: str = Field(description="ready, unbuilt or failed")
    cause: str | None = Field(description="of a failure: build, audit, genome or signature")
    reason: str
    fingerprint: str | None = Field(description="of what lies in its folder now")
    recorded_fingerprint: str = Field(description="of what lay there when it was last built")
    running_fingerprint: str | None = Field(description="of what its process runs, or null")
    pid: int | None
    ingredients: dict[str, str] = Field(description="what the fingerprint is made of")
    units: list[UnitRow]
    program: ProgramFacts | None


class Problem(BaseModel):
    """What is not as it was left, and what to do about it."""

    where: str
    what: str
    todo: str


class VerificationRow(BaseModel):
    """One kind of thing in `evolve verify`."""

    kind: str = Field(description="key, template, programs, sources, agents or registry")
    checked: int
    detail: str
    problems: list[Problem]


class Verification(BaseModel):
    """`evolve verify --json`."""

    ok: bool = Field(description="no row has a problem")
    rows: list[VerificationRow]


class Marks(BaseModel):
    """Medians over a group: of the main score (in `series` the skill S, 0..1, persistence = .5), of
    the absolute error of a forecast where the world tells of one, and of all other scores."""

    median_s: float | None
    median_error: float | None
    scores: dict[str, float]
    agents: int


class ExamResult(BaseModel):
    """`evolve exam --json`."""

    founders: Marks
    living: Marks
    persistence: Marks = Field(description="of the baseline that the world names")
    baseline: str
    score: str = Field(description="the name of the main score")
    stretch: str
    told: str | None = Field(description="what agents were told in which cycles, or null")
    held_out_told: int = Field(description="how many of the held-out values they were told")
    warning: str | None = Field(description="why this exam says less than it seems to, or null")
    gain: float | None = Field(description="median S of the living less that of the founders")
