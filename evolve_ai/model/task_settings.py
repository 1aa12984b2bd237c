"""The settings of a task: all of task.toml (docs/tasks.md). Strict, as all settings."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from evolve_ai.model.archive_settings import TopOptions
from evolve_ai.model.family_settings import ARCHIVE, chosen
from evolve_ai.model.proposer_settings import ProposerChoice
from evolve_ai.model.setting import (
    FOLDERS_FORM,
    AbsolutePath,
    CrateName,
    CrateVersion,
    Section,
    setting,
)

MIB = 1024 * 1024
TOGETHER = 32  # programs that are compiled together
BUILT_WINDOW = 32
GLOBS_FORM = 'a list of relative paths; * matches in a folder, ** also folders ("src/**/*.rs")'
CALL_FORM = '"file.py:function"'
WORDS_FORM = "a list of words"
SEEDS_FORM = "a list of whole numbers of 64 bits"


def _relative(value: str) -> str:
    parts = value.split("/")
    if not value or value.startswith("/") or "\\" in value or "\0" in value:
        raise ValueError("must be a relative path with / between folders")
    if any(part in ("", ".", "..") for part in parts):
        raise ValueError("must not have empty parts, '.' or '..'")
    return value


def _call(value: str) -> str:
    file, colon, function = value.partition(":")
    if not (colon and file.endswith(".py") and function.isidentifier()):
        raise ValueError(f"must be {CALL_FORM}")
    _relative(file)
    return value


def _seed(value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise ValueError("must fit in 64 bits")
    return value


def _variable(value: str) -> str:
    if not value or "=" in value or "\0" in value:
        raise ValueError("must be the name of a variable, without =")
    return value


def _stage(value: str) -> str:
    if not value or "\0" in value:
        raise ValueError("must be a name")
    return value


Globs = Annotated[tuple[Annotated[str, AfterValidator(_relative)], ...], Field(strict=False)]
Call = Annotated[str, AfterValidator(lambda value: _call(value) if value else value)]
Words = Annotated[tuple[str, ...], Field(strict=False)]
Numbers = Annotated[tuple[float, ...], Field(strict=False)]
Booleans = Annotated[tuple[bool, ...], Field(strict=False)]
Seeds = Annotated[tuple[Annotated[int, AfterValidator(_seed)], ...], Field(strict=False)]
Variables = Annotated[tuple[Annotated[str, AfterValidator(_variable)], ...], Field(strict=False)]
Stages = Annotated[tuple[Annotated[str, AfterValidator(_stage)], ...], Field(strict=False)]


class ProgramSettings(Section):
    """Which files may change."""

    files: Globs = setting(
        ..., "the files that may change; all others are read-only", form=GLOBS_FORM
    )
    language: str = setting(
        "",
        'the language of these files; "": each by its suffix',
        form="a name that `evolve plugins language` lists",
    )
    blocks: bool = setting(
        True,
        "where files have EVOLVE-BLOCK marks, only what is between them may change",
        form="true or false",
    )
    max_bytes: int = setting(
        256 * 1024,
        "most bytes of all files that may change, together",
        unit="bytes",
        low=1,
        high=64 * MIB,
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.files:
            raise ValueError("has no `files`: name at least one that may change")
        return self


class EvaluateSettings(Section):
    """What scores a program: a command, or a Python function."""

    command: Words = setting(
        (),
        "a command; {program}, {binary}, {result}, {scratch}, {task}, {stage} and {seed} are "
        "replaced",
        form=WORDS_FORM,
    )
    python: Call = setting(
        "",
        "a Python function that gets the path of the program and returns the result",
        form=CALL_FORM,
    )
    interpreter: str = setting(
        "", 'the Python that runs it; "": the one that runs evolve', form="a path"
    )
    warm: bool = setting(
        True, "keep the file of `python` imported, and fork for each trial", form="true or false"
    )
    build: Literal["", "cargo"] = setting(
        "",
        "how programs are compiled before they are evaluated; `cargo`: as the package whose "
        "Cargo.toml lies in the folder",
        form='"" or "cargo"',
    )
    together: int = setting(
        0,
        "programs that are compiled together, at most; 1: each alone; 0: 32, or 1 where "
        "`score.cost` is set",
        unit="programs",
        low=0,
        high=256,
    )
    stages: Stages = setting(
        (), "names of stages, cheap ones first; none: one stage", form="a list of names"
    )
    thresholds: Numbers = setting(
        (), "the score that each stage but the last must reach to go on", form="a list of numbers"
    )
    seeds: Seeds = setting(
        (0,),
        "evaluate with each of these seeds; the score is the mean",
        form=SEEDS_FORM,
    )
    repeats: int = setting(
        1,
        "trials for each seed; 0: as many as it takes to tell a candidate "
        "from the champion, paired",
        unit="trials",
        low=0,
        high=10_000,
    )
    most_repeats: int = setting(
        20, "the most, where repeats = 0", unit="trials", low=2, high=10_000
    )
    environment: Variables = setting(
        (), "names of environment variables that trials get", form="a list of names"
    )

    @model_validator(mode="after")
    def _check(self) -> "EvaluateSettings":
        if bool(self.command) == bool(self.python):
            raise ValueError("needs either `command` or `python`, and not both")
        if self.stages and len(self.thresholds) != len(self.stages) - 1:
            raise ValueError("needs a threshold for each stage but the last")
        if self.thresholds and not self.stages:
            raise ValueError("has thresholds, but no stages")
        if len(set(self.stages)) != len(self.stages):
            raise ValueError("has a stage twice: name each but once")
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise ValueError("needs at least one seed, and no seed twice")
        return self


class ScoreSettings(Section):
    """Which numbers of a result count."""

    goal: Words | str = setting(
        "score", "the metric to improve, or several (Pareto)", form="a name, or a list of names"
    )
    maximize: Booleans | bool = setting(
        True, "is more better? one answer, or one for each goal", form="true, false, or a list"
    )
    correct: str = setting(
        "", "the metric that must not be 0 or false for a program to count", form="a name"
    )
    features: Words = setting(
        (),
        "metrics for archives with cells; `size`, `complexity` and "
        "`distance` are known for every program",
        form="a list of names",
    )
    private: Words = setting((), "metrics that proposers never see", form="a list of names")
    cost: Literal["", "wall", "cpu", "instructions"] = setting(
        "",
        "what is measured of programs run by $EVOLVE_RUN --cost, as the metric `cost`: "
        "seconds of wall-clock or processor time, or instructions",
        form='"", "wall", "cpu" or "instructions"',
    )

    @property
    def goals(self) -> tuple[str, ...]:
        return (self.goal,) if isinstance(self.goal, str) else self.goal

    @property
    def signs(self) -> tuple[float, ...]:
        """1.0 for each goal of which more is better, else -1.0."""
        told = self.maximize
        each = (told,) * len(self.goals) if isinstance(told, bool) else told
        return tuple(1.0 if one else -1.0 for one in each)

    @model_validator(mode="after")
    def _check(self) -> "ScoreSettings":
        if not self.goals or len(set(self.goals)) != len(self.goals):
            raise ValueError("needs at least one goal, and no goal twice")
        if not isinstance(self.maximize, bool) and len(self.maximize) != len(self.goals):
            raise ValueError("`maximize` needs one answer, or one for each goal")
        return self


class HoldoutSettings(Section):
    """An evaluator that the search never sees; the champion is examined by it at the end."""

    command: Words = setting((), "as evaluate.command", form=WORDS_FORM)
    python: Call = setting("", "as evaluate.python", form=CALL_FORM)
    files: Globs = setting(
        (), "files that only this evaluator can see, besides its own", form=GLOBS_FORM
    )
    seeds: Seeds = setting((0,), "as evaluate.seeds", form=SEEDS_FORM)


class LimitSettings(Section):
    """What one trial may use, all its processes together."""

    seconds: float = setting(60.0, "in total", unit="seconds", low=0.01, high=86_400 * 7)
    silence: float = setting(
        0.0, "without output; 0: as `seconds`", unit="seconds", low=0, high=86_400 * 7
    )
    cpu_seconds: float = setting(
        0.0, "of processor time; 0: twice `seconds`", unit="seconds", low=0, high=86_400 * 7
    )
    memory: int = setting(2048 * MIB, "resident memory", unit="bytes", low=16 * MIB, high=2**50)
    output: int = setting(
        16 * MIB, "printed to stdout and stderr", unit="bytes", low=1024, high=2**40
    )
    processes: int = setting(
        256, "processes and threads at the same time", unit="processes", low=2, high=32_768
    )
    disk: int = setting(
        512 * MIB, "written to the scratch folder", unit="bytes", low=4096, high=2**50
    )
    network: bool = setting(False, "may trials reach the network?", form="true or false")
    readable: Annotated[tuple[AbsolutePath, ...], Field(strict=False)] = setting(
        (), "more files and folders that trials may read and run programs from", form=FOLDERS_FORM
    )


class SearchSettings(Section):
    """How the search goes."""

    seed: int = setting(
        1,
        "decides every draw; one history for each seed",
        low=0,
        high=2**63 - 1,
        form="a whole number",
    )
    window: int = setting(
        8,
        "candidates that are proposed ahead: candidate n has parents from those up to n - "
        "window. Part of history. With `evaluate.build` the default is 32",
        unit="candidates",
        low=1,
        high=4096,
    )
    slots: int = setting(
        0,
        "trials at the same time; 0: one for each core. Not part of history",
        unit="trials",
        low=0,
        high=1024,
    )
    stagnation: int = setting(
        200,
        "candidates without improvement until the search changes its ways; 0: never",
        unit="candidates",
        low=0,
        high=10**9,
    )
    order: Literal["number", "as-ready"] = setting(
        "number",
        "commit in order of number (the same history each time), or as trials end",
        form='"number" or "as-ready"',
    )
    undecided: int = setting(
        3,
        "tries of a trial that the machine failed, until the run ends",
        unit="tries",
        low=1,
        high=100,
    )


class BudgetSettings(Section):
    """When a run ends. The command line may say less."""

    candidates: int = setting(
        0, "candidates in all; 0: no limit", unit="candidates", low=0, high=10**12
    )
    seconds: float = setting(0.0, "of a run; 0: no limit", unit="seconds", low=0, high=86_400 * 365)
    target: float | None = setting(None, "stop once the first goal is reached", form="a number")


class Task(Section):
    """All of task.toml."""

    program: ProgramSettings = Field(..., description="The files that may change.")
    evaluate: EvaluateSettings = Field(..., description="What scores a program.")
    score: ScoreSettings = ScoreSettings()
    holdout: HoldoutSettings | None = None
    limits: LimitSettings = LimitSettings()
    search: SearchSettings = SearchSettings()
    budget: BudgetSettings = BudgetSettings()
    crates: Mapping[CrateName, CrateVersion] = Field(
        default_factory=dict, description="Crates that Cargo.toml may depend on, by name."
    )
    archive: chosen(ARCHIVE) = TopOptions()  # type: ignore[valid-type]
    proposers: tuple[ProposerChoice, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _fill(self) -> Self:
        """Compilers are quickest with many programs at a time."""
        if not self.evaluate.build or "window" in self.search.model_fields_set:
            return self
        search = self.search.model_copy(update={"window": BUILT_WINDOW})
        return self.model_copy(update={"search": search})

    @property
    def together(self) -> int:
        """Programs that are compiled together, at most."""
        return self.evaluate.together or (1 if self.score.cost else TOGETHER)
