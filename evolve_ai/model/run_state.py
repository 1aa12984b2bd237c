"""What the runs of a population must know of each other besides its agents: one typed record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evolve_ai.model.tally import Tally


@dataclass(frozen=True, slots=True)
class InputsChange:
    """When the inputs of runs last changed (after this cycle), and how, in words."""

    cycle: int
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunState:
    """`None` means that the thing has not happened, or is over.

    The population: `seed` and `fixed_hash` (kernel and manifests) are those of its founding;
    `places` is how many it has; `numbers` is the number of the next agent; `founder_genes` is the
    founders' mean number of active genes, which sets prices; `founding` of the `founding_asked`
    agents are still to be founded.

    History: `tainted` and `paused` (since this cycle); `lived_freely` since this cycle; `turning`
    is the cycle whose season has begun but is not committed; `abandoned` is the one whose season
    was given up; `world` is the environment, with its options, of the season that began last;
    `tally` counts since the last cycle.

    Processes: `epoch` counts runs that greeted agents; `demes` and `colonies` are those of the last
    run; `clock` names the clock of its times; `sandbox` is a line that begins with its level;
    `awaited` are changed agents without a verdict of a builder; `adrift` says why living processes
    are ahead of the registry and must be ended.

    Inputs: `inputs` are those of the run `inputs_run`; `told` lists which data were told in which
    cycles; `pool` has the gene files that agents may get (SHA-256 by path), `pool_refused` the
    refused ones of the template, with reasons.

    Commands: `inbox_done` is the file of the last command carried out; `news` is for the user of
    the next life-cycle.
    """

    seed: int | None = None
    fixed_hash: str | None = None
    places: int | None = None
    numbers: int = 0
    founder_genes: float | None = None
    founding: int | None = None
    founding_asked: int | None = None

    tainted: str | None = None
    paused: int | None = None
    lived_freely: int | None = None
    turning: int | None = None
    abandoned: int | None = None
    world: Mapping[str, Any] | None = None
    tally: Tally = field(default_factory=Tally)

    epoch: int = 0
    demes: int = 1
    colonies: int = 1
    clock: str | None = None
    sandbox: str | None = None
    awaited: tuple[str, ...] = ()
    adrift: str | None = None

    inputs: Mapping[str, Any] | None = None
    inputs_run: str | None = None
    inputs_changed: InputsChange | None = None
    told: tuple[Mapping[str, Any], ...] = ()
    pool: Mapping[str, str] = field(default_factory=dict)
    pool_refused: Mapping[str, str] = field(default_factory=dict)

    inbox_done: str | None = None
    news: str | None = None

    pruned: int = 0  # [history] has been applied to the dead up to this cycle

    @property
    def is_founded(self) -> bool:
        return self.places is not None
