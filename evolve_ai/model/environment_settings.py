"""The options of the environments."""

from typing import Literal

from evolve_ai.model.setting import Section, member, setting


class SeriesOptions(Section):
    """Agents forecast the next value of a column of a CSV file, revealed value by value."""

    name: Literal["series"] = member("series")

    file: str = setting(
        "",
        "CSV file, relative to the project; empty: the sunspot numbers of the package",
        form="a path",
    )
    column: str = setting(
        "",
        "column of the file: its name, or without a header its number, from 1; empty: the last one",
        form="a header of the file",
    )
    separator: Literal[",", ";", "\t", "|", " "] = setting(
        ",",
        'the separator of two fields; " ": any number of blanks and tabs',
        form="a comma, a semicolon, a tab, a bar or a blank",
    )
    decimal: Literal[".", ","] = setting(
        ".", "the mark before the decimals of a number", form='"." or ","'
    )
    header: bool = setting(True, "the first line names the columns")
    comment: str = setting(
        "", "lines that begin with this mark are left out; empty: none", form='a mark such as "#"'
    )
    skip: int = setting(
        0, "lines at the beginning of the file that are left out", unit="lines", low=0, high=10_000
    )
    unsorted: bool = setting(
        False, "take lines in their order, even if the time in the first column goes back"
    )
    held_out: int = setting(
        79,
        "number of values at the end of the series that are kept for the exam",
        unit="values",
        low=1,
        high=1_000_000,
    )
    replay: int = setting(
        230, "most past values that a newcomer gets", unit="values", low=0, high=1_000_000
    )
    noise: float = setting(
        0.0,
        "noise on the values, another for each agent",
        unit="standard deviations",
        low=0.0,
        high=10.0,
    )


class SolitaryOptions(Section):
    """No world: agents report their own fitness, and the pot is divided by its rank."""

    name: Literal["solitary"] = member("solitary")
