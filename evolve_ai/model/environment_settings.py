"""The options of the environments."""

from typing import Literal

from evolve_ai.model.setting import Section, member, setting


class SeriesOptions(Section):
    """Agents forecast the next value of a column of a CSV file, told value by value."""

    name: Literal["series"] = member("series")

    file: str = setting(
        "", "CSV file, relative to the project; empty: the sunspots that are shipped", form="a path"
    )
    column: str = setting(
        "",
        "column of the file; empty: the last one; without a header its number, from 1",
        form="a header of the file",
    )
    separator: Literal[",", ";", "\t", "|", " "] = setting(
        ",",
        'what stands between two fields; " ": any number of blanks and tabs',
        form="a comma, a semicolon, a tab, a bar or a blank",
    )
    decimal: Literal[".", ","] = setting(
        ".", "what stands before the decimals of a number", form='"." or ","'
    )
    header: bool = setting(True, "the first line names the columns")
    comment: str = setting(
        "", "lines that begin so are left out; empty: none", form='a mark such as "#"'
    )
    skip: int = setting(
        0, "lines at the beginning of the file that are left out", unit="lines", low=0, high=10_000
    )
    unsorted: bool = setting(
        False, "lines are told as they stand, also where the time in the first column goes back"
    )
    held_out: int = setting(
        79, "last values of the series, kept for the exam", unit="values", low=1, high=1_000_000
    )
    replay: int = setting(
        230, "past values told to a newcomer, at most", unit="values", low=0, high=1_000_000
    )
    noise: float = setting(
        0.0,
        "noise of what each agent sees for itself",
        unit="standard deviations",
        low=0.0,
        high=10.0,
    )


class SolitaryOptions(Section):
    """No world: agents report their own fitness, and the pot is divided by rank of that."""

    name: Literal["solitary"] = member("solitary")
