"""Runs a command in its own namespaces, by bubblewrap (bwrap(1)).

There is no pid namespace: so pids remain those of the machine, which taking over needs.
"""

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

PROGRAM = "bwrap"
NAMESPACES = ("user", "mnt", "net", "ipc", "uts")  # their names in /proc/<pid>/ns
# Parts of /proc that stay read-only. The keeper must be able to write elsewhere in /proc, where a
# file says how readily the kernel ends an agent when memory is short.
_KERNEL = ("sys", "sysrq-trigger", "irq", "bus")
_ALTERNATIVES = Path("/etc/alternatives")  # the target of links on Debian
_LINKS = 40  # the most that a path may lead through, as in the kernel (path_resolution(7))


def installed() -> Path | None:
    found = shutil.which(PROGRAM)
    return Path(found).resolve() if found else None


def around(
    bwrap: Path, folder: Path, readable: Iterable[Path], writable: Iterable[Path]
) -> tuple[str, ...]:
    """The words before a command that is to run in this folder and to see only these readable and
    writable paths. Missing readable paths are left out; writable ones must exist."""
    asked = {path.absolute(): "--ro-bind-try" for path in (*readable, _ALTERNATIVES)}
    asked |= {path.absolute(): "--bind" for path in writable}
    bound = {path.resolve(): how for path, how in asked.items()}
    links = {
        link: target
        for link, target in links_on(asked).items()
        if not any(link.is_relative_to(path) for path in bound)
    }
    return arguments(bwrap, folder.resolve(), links, sorted(bound.items()))


def arguments(
    bwrap: Path, folder: Path, links: Mapping[Path, Path], bound: Iterable[tuple[Path, str]]
) -> tuple[str, ...]:
    """`links` are keyed by their own paths; in `bound` an outer path comes before inner ones."""
    words = [str(bwrap), "--unshare-user", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    words += [
        "--cap-drop",
        "ALL",
        "--hostname",
        "evolve",
        "--dev",
        "/dev",
        "--bind",
        *2 * ["/proc"],
    ]
    for name in _KERNEL:
        words += ["--ro-bind-try", *2 * [f"/proc/{name}"]]
    for path, how in bound:
        words += [how, *2 * [str(path)]]
    for link, target in links.items():
        words += ["--symlink", str(target), str(link)]
    return (*words, "--remount-ro", "/", "--chdir", str(folder), "--")


def links_on(paths: Iterable[Path]) -> Mapping[Path, Path]:
    """The symbolic links that these paths lead through, keyed by their own real paths."""
    found: dict[Path, Path] = {}
    for path in paths:
        at = path.absolute()
        for _ in range(_LINKS):
            link = next((one for one in (*reversed(at.parents), at) if one.is_symlink()), None)
            if link is None:
                break
            target = link.readlink()
            found[link] = target
            at = Path(os.path.normpath(link.parent / target / at.relative_to(link)))
    return found
