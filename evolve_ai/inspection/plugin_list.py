"""Lists the plug-ins of each family: built in, offered by packages, named by the settings."""

from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import EntryPoint, entry_points

from evolve_ai.guards.options import model_of
from evolve_ai.model.errors import EvolveError, UsageError
from evolve_ai.model.family_settings import FAMILIES, GROUPS, LANGUAGE, MEANINGS, OPTIONS
from evolve_ai.model.plugin_report import FamilyRow, MemberRow, OptionRow
from evolve_ai.model.settings import Settings
from evolve_ai.model.settings_reference import KeyReference, key_of, keys_of_member
from evolve_ai.system.guard import described

# The version of the toolchain of a language, by its name; None: it is not asked for here.
# EvolveError says what is missing.
ToolchainOf = Callable[[str], str | None]


def plugin_list(
    settings: Settings | None, toolchain_of: ToolchainOf, asked: str | None = None
) -> list[FamilyRow]:
    """The plug-in families, or only the `asked` one; `settings` are those of the project here, if
    there is one. UsageError for an unknown family."""
    if asked is not None and asked not in FAMILIES:
        raise UsageError(
            f"{asked!r} is no family of plug-ins", todo=f"there are: {', '.join(FAMILIES)}"
        )
    found = [_family(family, settings) for family in (FAMILIES if asked is None else (asked,))]
    return [_with_toolchains(row, toolchain_of) if row.family == LANGUAGE else row for row in found]


def _with_toolchains(row: FamilyRow, toolchain_of: ToolchainOf) -> FamilyRow:
    """Which of the languages can be used on this machine."""
    members = []
    for member in row.members:
        try:
            told = toolchain_of(member.name)
        except EvolveError as error:
            told = f"missing: {error.what}" + (f"; {error.todo}" if error.todo else "")
        members.append(member.model_copy(update={"toolchain": told}))
    return row.model_copy(update={"members": members})


def _chosen(family: str, settings: Settings | None) -> list[str]:
    if settings is None or family not in OPTIONS:
        return []
    return [one.name for one in settings.members(family)]


def _family(family: str, settings: Settings | None) -> FamilyRow:
    chosen = _chosen(family, settings)
    rows = [
        MemberRow(
            name=name,
            source="built in",
            about=(model.__doc__ or "").split("\n")[0],
            options=list(map(_option, keys_of_member(family, name)[1:])),
            chosen=name in chosen,
        )
        for name, model in FAMILIES[family].items()
    ]
    offered = [_offered(entry, chosen) for entry in _entries(family)]
    known = {row.name for row in (*rows, *offered)}
    mine = [_mine(name) for name in chosen if name not in known]
    table = f"[{family}]" if family in OPTIONS else family
    table = "[[sinks]]" if family == "sinks" else table
    members = [*rows, *offered, *mine]
    return FamilyRow(family=family, table=table, about=MEANINGS[family], members=members)


def _entries(family: str) -> Iterator[EntryPoint]:
    for entry in sorted(
        entry_points(group=f"evolve_ai.{GROUPS[family]}"), key=lambda one: one.name
    ):
        if entry.name not in FAMILIES[family]:
            yield entry


def _offered(entry: EntryPoint, chosen: Sequence[str]) -> MemberRow:
    package = entry.dist
    source = f"{package.name} {package.version}" if package is not None else entry.value
    try:
        member = entry.load()
    except Exception as error:
        about, options = f"cannot be imported: {described(error)}", []
    else:
        about, options = _about(member), _options(member)
    return MemberRow(
        name=entry.name, source=source, about=about, options=options, chosen=entry.name in chosen
    )


def _mine(name: str) -> MemberRow:
    """A plug-in that the settings name; a run imports it when needed, behind a guard."""
    about = "your own" if ":" in name else "no such member"
    return MemberRow(name=name, source="evolve.toml", about=about, options=[], chosen=True)


def _about(member: object) -> str:
    return (getattr(member, "__doc__", None) or "").strip().split("\n")[0]


def _options(member: object) -> list[OptionRow]:
    model = model_of(member)
    if model is None:
        return []
    return [_option(key_of("", key, field)) for key, field in model.model_fields.items()]


def _option(key: KeyReference) -> OptionRow:
    return OptionRow(
        key=key.key, default=key.default, allowed=key.allowed, unit=key.unit, meaning=key.meaning
    )
