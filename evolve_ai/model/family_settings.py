"""How evolve.toml or task.toml chooses a plug-in: a table `[family]` with `name` and options.

The options of built-in members are checked with the other settings. Those of a user's own member
are kept as written until it is imported and says which options it has.
"""

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Discriminator, Tag

from evolve_ai.model.archive_settings import ARCHIVES
from evolve_ai.model.environment_settings import SeriesOptions, SolitaryOptions
from evolve_ai.model.executor_settings import InlineOptions, ProcessesOptions
from evolve_ai.model.language_settings import LANGUAGES
from evolve_ai.model.proposer_settings import PROPOSERS
from evolve_ai.model.selection_settings import (
    DriftOptions,
    EnergyOptions,
    TournamentOptions,
    TruncationOptions,
)
from evolve_ai.model.setting import PLUGIN_FORM, PluginName, Section, setting
from evolve_ai.model.sink_settings import WebhookOptions
from evolve_ai.model.substrate_settings import RustOptions
from evolve_ai.model.variation_settings import StandardOptions

# family -> name of a built-in member -> its options. The first member is the default.
OPTIONS: Mapping[str, Mapping[str, type[Section]]] = {
    "environment": {"series": SeriesOptions, "solitary": SolitaryOptions},
    "selection": {
        "energy": EnergyOptions,
        "truncation": TruncationOptions,
        "tournament": TournamentOptions,
        "none": DriftOptions,
    },
    "variation": {"standard": StandardOptions},
    "substrate": {"rust": RustOptions},
    "executor": {"processes": ProcessesOptions, "inline": InlineOptions},
    "sinks": {"webhook": WebhookOptions},  # several of them may be chosen
}
# No table chooses a language: it is that of a substrate, or of the files of a program.
LANGUAGE = "language"
ARCHIVE, PROPOSER = "archive", "proposer"  # chosen in task.toml
FAMILIES: Mapping[str, Mapping[str, type[Section]]] = {
    **OPTIONS,
    LANGUAGE: LANGUAGES,
    ARCHIVE: ARCHIVES,
    PROPOSER: PROPOSERS,
}
MEANINGS: Mapping[str, str] = {
    "environment": "The world.",
    "selection": "Who dies and who breeds.",
    "variation": "Where genomes come from.",
    "substrate": "The language of the agents.",
    "executor": "How chunks of work are spread over workers.",
    "sinks": "Where events are sent, besides logs/events.jsonl and hooks.",
    LANGUAGE: "What programs are written in; a substrate is a language whose programs can live.",
    ARCHIVE: "Which candidates may be parents: [archive] of task.toml.",
    PROPOSER: "How candidates are made of parents: [[proposers]] of task.toml.",
}
# family -> the group of entry points by which packages offer members, after "evolve_ai.".
GROUPS: Mapping[str, str] = {
    "environment": "environments",
    "selection": "selection",
    "variation": "variation",
    "substrate": "substrates",
    "executor": "executors",
    "sinks": "sinks",
    LANGUAGE: "languages",
    ARCHIVE: "archives",
    PROPOSER: "proposers",
}
OWN = "own"  # the tag of a user's own members


class OwnMember(Section):
    """A member of the user's own, whose options are not known yet."""

    model_config = ConfigDict(extra="allow")

    name: PluginName = setting(..., "which member of the family", form=PLUGIN_FORM)


def chosen(family: str) -> Any:
    """The type of the setting that chooses a member of this family, by a table or only a name."""
    members = FAMILIES[family]

    def kind(value: object) -> str:
        name = value.get("name") if isinstance(value, Mapping) else getattr(value, "name", OWN)
        name = next(iter(members)) if name is None else name
        return name if isinstance(name, str) and name in members else OWN

    tagged: list[Any] = [Annotated[model, Tag(name)] for name, model in members.items()]
    tagged.append(Annotated[OwnMember, Tag(OWN)])
    return Annotated[reduce(or_, tagged), Discriminator(kind), BeforeValidator(_as_table)]


def _as_table(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def default(family: str) -> Any:
    return next(iter(OPTIONS[family].values()))()


def options_of(member: Section) -> dict[str, Any]:
    """All options of a built-in member; of another one those that are written."""
    return {key: value for key, value in member if key != "name"}


def is_built_in(member: Section) -> bool:
    return not isinstance(member, OwnMember)
