"""Opens the local runner of a project: finds its keeper, and what boxes of trials may read."""

import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from evolve_ai.colony.keeper_program import keeper_program
from evolve_ai.contracts.runner import Content
from evolve_ai.runners.boxed_slot import HARNESS_FILE, BoxedSlot, Boxes
from evolve_ai.runners.landlock_slot import LandlockSlot
from evolve_ai.runners.local import LocalRunner, Slot
from evolve_ai.runners.task_folder import TaskFolder
from evolve_ai.system.files import storage_errors
from evolve_ai.system.tools import tool_path
from evolve_ai.system.trees import discard
from evolve_ai.system.trial_box import TrialPlaces
from evolve_ai.system.trial_probe import why_no_box

UNSAFE = "UNSAFE: trials run without a box, with all your rights"
DEGRADED = (
    "no namespaces for trials ({}): they run in boxes like those of builds, without network, "
    "sockets, shared memory and sessions of their own; only the size of each file is limited, not "
    "the disk; there is no $EVOLVE_RUN, and no evaluator stays in memory"
)
IN_SIGHT = (
    "this project lies in {}, which trials can read: move it elsewhere, or a program can read what "
    "its evaluator keeps from it"
)
_SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/usr", "/opt", "/nix/store")
# Not all of /etc/ssl, which also holds private keys.
_ETC = (
    "alternatives",
    "ssl/certs",
    "ssl/openssl.cnf",
    "ssl/cert.pem",
    "pki/ca-trust",
    "pki/tls/certs",
    "pki/tls/openssl.cnf",
    "ca-certificates",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "passwd",
    "group",
    "nsswitch.conf",
    "hosts",
    "resolv.conf",
    "host.conf",
    "localtime",
    "timezone",
    "protocols",
    "services",
    "mime.types",
)
_TOOLS = ("python3", "rustc", "cargo", "gcc", "g++", "clang", "go", "node", "java", "valgrind")
_GPUS = ("nvidia*", "dri", "kfd")


def open_local_runner(
    workspace: Path, content: Content, slots: int, unsafe: bool, readable: Iterable[Path] = ()
) -> tuple[LocalRunner, tuple[str, ...]]:
    """A runner for this project, and what is degraded, in words. `readable` are paths that trials
    may read and execute besides the system's programs and libraries.

    Raises ToolchainError or StorageError when the keeper cannot be had.
    """
    keeper = keeper_program(workspace)
    trials = workspace.absolute() / "trials"
    _remove_stale(trials)
    place = trials / f"run-{os.getpid()}-{os.urandom(4).hex()}"
    with storage_errors(place):
        place.mkdir(parents=True)
    path = tool_path(os.environ)
    seen = readable_paths(path, readable)
    devices = tuple(found for name in _GPUS for found in sorted(Path("/dev").glob(name)))
    boxes = Boxes(keeper, seen, path, _toolchain_env(), devices)
    reason = UNSAFE if unsafe else why_no_box(trial_places(keeper, place / "probe", seen))

    def slot(number: int) -> Slot:
        own = place / str(number)
        own.mkdir()
        task = TaskFolder(own / "task", content)
        if reason:
            return LandlockSlot(boxes, task, own / "scratch", unsafe)
        return BoxedSlot(boxes, task, own / "root")

    told = [UNSAFE if unsafe else DEGRADED.format(reason)] if reason else []
    if not unsafe:
        told += [IN_SIGHT.format(one) for one in seen if place.resolve().is_relative_to(one)]
    makers = [partial(slot, number) for number in range(slots)]
    return LocalRunner(makers, partial(discard, place)), tuple(told)


def trial_places(keeper: Path, place: Path, readable: tuple[Path, ...]) -> TrialPlaces:
    """For a box on trial, in this new folder."""
    root, task = place / "root", place / "task"
    with storage_errors(place):
        root.mkdir(parents=True)
        task.mkdir()
    return TrialPlaces(keeper, readable, root, task, HARNESS_FILE)


def readable_paths(path: str, others: Iterable[Path] = ()) -> tuple[Path, ...]:
    """What boxes of trials may read and execute: the system's programs and libraries, this Python,
    the toolchains on this PATH, and the others. No path lies in another one."""
    asked = {one.absolute() for one in (*_system(), *_python(), *_toolchains(path), *others)}
    kept: list[Path] = []
    for one in sorted(asked, key=lambda one: len(one.parts)):
        if one.exists() and not any(one.is_relative_to(outer) for outer in kept):
            kept.append(one)
    return tuple(sorted(kept))


def _system() -> Iterator[Path]:
    yield from map(Path, _SYSTEM)
    yield from (Path("/etc") / name for name in _ETC)
    yield from Path("/etc").glob("java-*")


def _python() -> Iterator[Path]:
    yield from (Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent)


def _toolchains(path: str) -> Iterator[Path]:
    for name in _TOOLS:
        if found := shutil.which(name, path=path):
            yield Path(found).parent
            yield Path(found).resolve().parent
    yield _rustup() / "toolchains"
    yield _rustup() / "settings.toml"
    if go := shutil.which("go", path=path):
        yield Path(go).resolve().parents[1]


def _rustup() -> Path:
    home = Path(os.environ.get("HOME") or Path.home())
    return Path(os.environ.get("RUSTUP_HOME") or home / ".rustup")


def _toolchain_env() -> dict[str, str]:
    """The homes of boxes are empty, so rustup is told where its toolchains are."""
    found = {"RUSTUP_AUTO_INSTALL": "0"}
    return found | {"RUSTUP_HOME": str(_rustup())} if _rustup().is_dir() else found


def _remove_stale(trials: Path) -> None:
    """Remove the folders of runners whose process is gone."""
    with suppress(OSError):
        for folder in trials.iterdir():
            pid = folder.name.split("-")[1]
            if not Path("/proc", pid).exists():
                discard(folder)
