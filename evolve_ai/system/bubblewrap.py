"""Runs a command in namespaces of its own, by bubblewrap (bwrap(1)).

Not in a pid namespace: pids stay those of the machine, by which processes are known and taken over.
"""

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

PROGRAM = "bwrap"
NAMESPACES = ("user", "mnt", "net", "ipc", "uts")  # their names in /proc/<pid>/ns
# Of the kernel's own settings nothing may be changed, though the keeper may write in /proc: how
# readily the kernel ends an agent for want of memory is said there.
_KERNEL = ("sys", "sysrq-trigger", "irq", "bus")
_ALTERNATIVES = Path("/etc/alternatives")  # where Debian's programs and libraries may be links to
_LINKS = 40  # that a path may lead through, as for the kernel (path_resolution(7))


def installed() -> Path | None:
    found = shutil.which(PROGRAM)
    return Path(found).resolve() if found else None


def around(
    bwrap: Path, folder: Path, readable: Iterable[Path], writable: Iterable[Path]
) -> tuple[str, ...]:
    """The words before a command that is to run in this folder, where nothing is but what is
    readable or writable. What of the former is not there is left out; the latter must be there."""
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
    """`links` by where they lie; `bound` in the order in which one may lie in another."""
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
    """The symbolic links that these paths lead through, by their own real place."""
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
