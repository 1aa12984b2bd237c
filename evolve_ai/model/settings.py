"""The settings of a project: every key of evolve.toml, its default, its range."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from evolve_ai.model.audit_settings import AuditSettings
from evolve_ai.model.family_settings import OPTIONS, chosen, default, is_built_in
from evolve_ai.model.history_settings import HistorySettings
from evolve_ai.model.places import MOST_DEMES
from evolve_ai.model.plugin_settings import PluginSettings
from evolve_ai.model.sandbox_settings import SandboxSettings
from evolve_ai.model.setting import (
    PROCESSOR_FORM,
    CallableNames,
    CrateName,
    CrateVersion,
    Processor,
    Section,
    setting,
)
from evolve_ai.model.sink_settings import EventName

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


class CycleSettings(Section):
    """One turn of the life-cycle loop."""

    ticks: int = setting(
        46, "ticks in a cycle; 0: the world stands still", unit="ticks", low=0, high=100_000
    )
    sleep: float = setting(0.0, "pause between two cycles", unit="seconds", low=0.0, high=86_400.0)
    chunk: int = setting(
        64, "agents that a worker gets at a time", unit="agents", low=1, high=100_000
    )
    quarantine_cycles: int = setting(
        20,
        "how long an agent in quarantine keeps its place, and pays nothing; then it dies of "
        "`quarantine`; 0: for ever",
        unit="cycles",
        low=0,
        high=1_000_000,
    )


class EconomySettings(Section):
    """The cost of living and the pay for skill; docs/environments.md has the whole economy."""

    gene_share: float = setting(
        0.15, "part of a mean founder's cost of living that is for its genes", low=0.0, high=0.9
    )
    start_cycles: float = setting(
        1.0, "energy of a founder (E0)", unit="incomes of a cycle", low=0.1, high=10.0
    )
    breeding: float = setting(
        1.5, "energy at which an agent breeds", unit="E0", low=0.1, high=100.0
    )
    endowment: float = setting(
        0.75, "energy that a child gets from its parents", unit="E0", low=0.01, high=100.0
    )
    age_limit: int = setting(20, "age at which an agent dies", unit="cycles", low=1, high=1_000_000)
    turnover_floor: float = setting(
        0.05, "smallest part of the living that dies in a cycle; the poorest die", low=0.0, high=1.0
    )
    births_share: float = setting(
        0.15, "most births in a cycle, as a part of the places", low=0.0, high=1.0
    )
    rank_exponent: float = setting(
        2.0,
        "how steeply the pay falls with the rank by skill; 0: all get the same",
        low=0.0,
        high=10.0,
    )
    royalty: float = setting(
        0.05, "part of the pot that is paid to agents that speak", low=0.0, high=0.9
    )
    talk_cost: float = setting(
        0.02, "cost of saying something", unit="pot of a place and tick", low=0.0, high=10.0
    )
    famine_every: int = setting(
        0, "cycles from one famine to the next; 0: never", unit="cycles", low=0, high=1_000_000
    )
    famine_share: float = setting(
        0.5, "part of the pot that is missing in a famine", low=0.0, high=1.0
    )
    plague_every: int = setting(
        0, "cycles from one plague to the next; 0: never", unit="cycles", low=0, high=1_000_000
    )
    plague_share: float = setting(0.2, "part of the agents that a plague kills", low=0.0, high=1.0)

    @model_validator(mode="after")
    def _a_parent_can_pay(self) -> Self:
        if self.endowment > self.breeding:
            raise ValueError(
                f"endowment ({self.endowment}) must not exceed breeding ({self.breeding}): "
                "a parent cannot give more than it has"
            )
        return self


_AS_TEMPLATE = "empty: as the template's Cargo.toml says"


def _as_text(value: object) -> object:
    """Convert numbers to text: Cargo writes 3 where it also writes "s", and users do, too."""
    return str(value) if type(value) is int else value


OptLevel = Annotated[Literal["", "0", "1", "2", "3", "s", "z"], BeforeValidator(_as_text)]


class BuildSettings(Section):
    """The compiler and the store of programs."""

    timeout: float = setting(
        600.0, "longest time of a build", unit="seconds", low=1.0, high=86_400.0
    )
    silence: float = setting(
        120.0, "longest time of a build without output", unit="seconds", low=1.0, high=86_400.0
    )
    store_bytes: int = setting(
        2 * GIB,
        "size of the store; programs that no agent needs are removed first",
        unit="bytes",
        low=MIB,
        high=2**50,
    )
    memory_bytes: int = setting(
        4 * GIB,
        "address space of each process of a build; gene code that needs more to compile fails",
        unit="bytes",
        low=512 * MIB,
        high=2**50,
    )
    opt_level: OptLevel = setting(
        "",
        f"how much the compiler optimises speed or size; {_AS_TEMPLATE}",
        form='"", "0", "1", "2", "3", "s" or "z"',
    )
    panic: Literal["", "abort", "unwind"] = setting(
        "", f"what a panic does; {_AS_TEMPLATE}", form='"", "abort" or "unwind"'
    )
    debug: Literal["", "none", "line-tables-only", "limited", "full"] = setting(
        "",
        f"what a debugger sees of the source (strip is off then); {_AS_TEMPLATE}",
        form='"", "none", "line-tables-only", "limited" or "full"',
    )
    target_cpu: Processor = setting(
        "",
        'the processor to compile for; empty: any of this architecture; "native": this one',
        form=PROCESSOR_FORM,
    )


class SuperviseSettings(Section):
    """Limits on the time and the resources of an agent's process."""

    start_deadline: float = setting(
        10.0,
        "longest time from the start of a process to `ready`",
        unit="seconds",
        low=0.1,
        high=3600.0,
    )
    cpu_deadline: float = setting(
        1.0, "most processor time for one answer", unit="cpu seconds", low=0.01, high=3600.0
    )
    wall_deadline: float = setting(
        10.0, "longest time for one answer", unit="seconds", low=0.1, high=3600.0
    )
    stop_grace: float = setting(
        5.0, "time from `stop` to a kill", unit="seconds", low=0.0, high=600.0
    )
    orphan_seconds: int = setting(
        600, "an agent that hears nothing for this time exits", unit="seconds", low=1, high=604_800
    )
    log_bytes: int = setting(
        MIB,
        "size of an agent's log after a trim; between two trims it may grow to file_bytes",
        unit="bytes",
        low=4 * KIB,
        high=2**40,
    )
    file_bytes: int = setting(
        0,
        "largest file of an agent; an agent that writes more is ended; 0: 16 times log_bytes, or "
        "16 MiB if that is more",
        unit="bytes",
        low=0,
        high=2**40,
    )
    memory_bytes: int = setting(
        512 * MIB,
        "address space of an agent, at least what its language needs; an agent that needs more "
        "ends with the cause `oom`",
        unit="bytes",
        low=MIB,
        high=2**40,
    )
    descriptors: int = setting(
        64,
        "most files that an agent may have open, at least what its language needs",
        unit="descriptors",
        low=5,
        high=2**20,
    )
    remember: bool = setting(
        True, "a new process of an agent gets back the state of the one before"
    )

    @model_validator(mode="after")
    def _a_log_is_a_file(self) -> Self:
        if 0 < self.file_bytes < 2 * self.log_bytes:
            raise ValueError(
                f"file_bytes ({self.file_bytes}) must be twice log_bytes ({self.log_bytes}) or "
                "more: a log is trimmed only now and then"
            )
        return self


def _budget(meaning: str, unit: str) -> Any:
    return setting(0, meaning, unit=unit, low=0, high=2**60)


class BudgetSettings(Section):
    """What the population may use of the machine, all agents together."""

    memory_bytes: int = _budget(
        "memory that agents do not share; 0: 70 % of the machine's, or of its control group's",
        "bytes",
    )
    disk_bytes: int = _budget(
        "agents, workspace and logs on disk; 0: what is free when a run begins, less 1 GiB",
        "bytes",
    )
    inodes: int = _budget(
        "files and folders on disk; 0: what is free when a run begins, less 10000", "files"
    )
    descriptors: int = _budget(
        "descriptors of the life-cycle, two for each agent; 0: as many as the system allows",
        "descriptors",
    )


class EventSettings(Section):
    """The event log and the events in the registry."""

    file_bytes: int = setting(
        64 * MIB,
        "size at which logs/events.jsonl is rotated",
        unit="bytes",
        low=4 * KIB,
        high=2**40,
    )
    files: int = setting(
        10, "rotated files that are kept, besides the current one", unit="files", low=1, high=1000
    )
    kept: int = setting(
        200_000, "events kept in the registry", unit="events", low=1000, high=1_000_000_000
    )


class Settings(Section):
    """evolve.toml as a whole."""

    seed: int = setting(0, "the seed of all random numbers", low=0, high=2**63 - 1)
    mode: Literal["lockstep", "free"] = setting(
        "lockstep",
        "when a change takes effect: in the next cycle, or as soon as its program is ready",
        form='"lockstep" or "free"',
    )
    demes: int = setting(
        0,
        "worlds side by side, each with its own pot and its own neighbours; at least one for each "
        "colony; 0: one below 1000 places, two from 1000 on, four from 2000 on, and so forth",
        unit="worlds",
        low=0,
        high=MOST_DEMES,
    )
    colonies: int = setting(
        0,
        "processes that share the agents, by whole demes; 0: one for each processor, but each with "
        "500 places or more, and as many as descriptors require",
        unit="processes",
        low=0,
        high=MOST_DEMES,
    )
    environment: chosen("environment") = default("environment")  # type: ignore[valid-type]
    selection: chosen("selection") = default("selection")  # type: ignore[valid-type]
    variation: chosen("variation") = default("variation")  # type: ignore[valid-type]
    substrate: chosen("substrate") = default("substrate")  # type: ignore[valid-type]
    executor: chosen("executor") = default("executor")  # type: ignore[valid-type]
    cycle: CycleSettings = CycleSettings()
    economy: EconomySettings = EconomySettings()
    build: BuildSettings = BuildSettings()
    crates: Mapping[CrateName, CrateVersion] = Field(
        default_factory=dict, description="crates that the template may depend on, by name"
    )
    audit: AuditSettings = AuditSettings()
    supervise: SuperviseSettings = SuperviseSettings()
    sandbox: SandboxSettings = SandboxSettings()
    budget: BudgetSettings = BudgetSettings()
    plugins: PluginSettings = PluginSettings()
    events: EventSettings = EventSettings()
    history: HistorySettings = HistorySettings()
    hooks: Mapping[EventName, CallableNames] = Field(
        default_factory=dict, description="callables to call, by kind of event"
    )
    sinks: Annotated[tuple[chosen("sinks"), ...], Field(strict=False)] = ()  # type: ignore[valid-type]

    @model_validator(mode="after")
    def _a_colony_has_a_deme(self) -> Self:
        if self.colonies > self.demes > 0:
            raise ValueError(
                f"colonies ({self.colonies}) must not exceed demes ({self.demes}): a colony has "
                "one or more whole demes"
            )
        return self

    def has_own_plugins(self) -> bool:
        """True if this process calls code of the user's own."""
        members = [member for family in OPTIONS for member in self.members(family)]
        return bool(self.hooks) or not all(map(is_built_in, members))

    def members(self, family: str) -> tuple[Any, ...]:
        """The chosen member of this family, or the chosen members."""
        found = getattr(self, family)
        return found if isinstance(found, tuple) else (found,)
