"""Builds the command lines that make `evolve-keeper` run a command in a box.

    evolve-keeper box WORDS -- FILE ARGV0 ARG...      runs a command in a box
    evolve-keeper probe WORDS                         tries to break out of such a box

`box` ends like its command, after all processes of that are gone. It reports about box and command
on a descriptor that the command never has (`--status`; read by boxed_command.py): so the output and
exit code of a command are never mistaken for a report of its box. Without that descriptor a line
on stderr reports it, and the exit code is 123 (more processes or threads than allowed) or 124 (it
could not be started). `probe` writes a line for each guarantee: its name, `held` or `broken`, and
how that was found out, separated by tabs. It ends with 0 (all hold), 1 (not all), or 124 (no such
box can be made here). Call it in a folder that is writable and not part of the box. The other ends
are evolve_ai/keeper/src/monitor.rs, status.rs, probe.rs.
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
    """`program` is the keeper; command[0] is the path of a program, and becomes its argv[0].

    With `processes`, at most so many may live at a time, with so many threads in all, and the
    command may execute other programs of the box. The other limits hold for each process: bytes of
    address space, bytes of a file, open files. `status` is an open descriptor of this process.
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
    """The command of a probe. Like the keeper it needs the C libraries in its box."""
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
