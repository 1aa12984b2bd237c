"""The options of the executors."""

from typing import Literal

from evolve_ai.model.setting import Section, member, setting


class ProcessesOptions(Section):
    """Worker processes on this machine, forked from a server that has imported what they need."""

    name: Literal["processes"] = member("processes")
    workers: int = setting(
        0, "worker processes; 0: one for each core", unit="processes", low=0, high=1024
    )


class InlineOptions(Section):
    """No workers: the process itself does all chunks, one after the other."""

    name: Literal["inline"] = member("inline")
