"""Makes the lines of `evolve plugins`."""

from collections.abc import Iterator, Sequence

from evolve_ai.model.plugin_report import FamilyRow, MemberRow, OptionRow
from evolve_ai.ui.plain import one_line


def plugin_lines(families: Sequence[FamilyRow]) -> Iterator[str]:
    """For each family its members, with their options below; a star marks chosen ones."""
    for at, family in enumerate(families):
        if at:
            yield ""
        yield f"{family.table}  {family.about}"
        for member in family.members:
            yield from _member(member)


def _member(member: MemberRow) -> Iterator[str]:
    mark = "*" if member.chosen else " "
    source = "" if member.source == "built in" else f" ({one_line(member.source)})"
    yield f"  {mark} {one_line(member.name)}{source}: {one_line(member.about)}"
    if member.toolchain is not None:
        yield f"        {one_line(member.toolchain)}"
    for option in member.options:
        yield f"        {_option(option)}"


def _option(option: OptionRow) -> str:
    default = f" = {option.default}" if option.default else ""
    details = ", ".join(one for one in (option.allowed, option.unit) if one)
    return one_line(f"{option.key}{default}  # {option.meaning} ({details})")
