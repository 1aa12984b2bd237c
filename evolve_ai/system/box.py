"""How a box is asked for: the words by which `evolve-keeper` makes one.

    evolve-keeper box WORDS -- FILE ARGV0 ARG...      runs a command in a box
    evolve-keeper probe WORDS                         tries to break out of such a box

`box` ends as its command does, when nobody of it is left. What became of box and command is told
on a descriptor that the command never has (`--status`; read by boxed_command.py): what a command
prints, and the code it ends with, are never taken for words of its box. Without that descriptor a
line on stderr says so, and the code is 123 (more processes or threads than allowed) or 124 (it
could not be started). `probe` writes a line for each guarantee: its name, `held` or `broken`, and
how that was found out, with tabs between; it ends with 0 (all hold), 1 or 124 (no such box can be
made here). It is to be called in a folder that can be written and is no part of the box. Both ends:
evolve_ai/keeper/src/monitor.rs, status.rs, probe.rs.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from evolve_ai.model.sandbox import Box

TOO_MANY = 123
NOT_STARTED = 124


def box_argv(
    program: Path,
    box: Box,
    command: Sequence[str],
    *,
    processes: int = 0,
    all_threads: int | None = None,
    memory: int | None = None,
    file_bytes: int | None = None,
    descriptors: int | None = None,
    status: int | None = None,
) -> tuple[str, ...]:
    """`program` is the keeper; command[0] is the path of a program, and what it will be called.

    With `processes`, so many may live at a time, with so many threads in all, and other programs of
    the box be executed. The other limits hold for each of them: bytes of address space, bytes of a
    file, open files. `status` is an open descriptor of ours.
    """
    words = [*box_words(box)]
    limits = (
        ("--fork", processes or None),
        ("--all-threads", all_threads),
        ("--memory", memory),
        ("--file-size", file_bytes),
        ("--descriptors", descriptors),
        ("--status", status),
    )
    for name, value in limits:
        if value is not None:
            words += (name, str(value))
    return (str(program), "box", *words, "--", command[0], *command)


def probe_argv(program: Path, box: Box) -> tuple[str, ...]:
    """Its programs need what the keeper needs: the libraries of C must be in the box."""
    return (str(program), "probe", *box_words(box))


def box_words(box: Box) -> Iterator[str]:
    for name, paths in (
        ("--read", box.readable),
        ("--execute", box.executable),
        ("--write", box.writable),
    ):
        for path in paths:
            yield from (name, str(path))
    yield from ("--threads", str(box.threads))
    for protection in sorted(box.lifted):
        yield from ("--lift", protection.value)
