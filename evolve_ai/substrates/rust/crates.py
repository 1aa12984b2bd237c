"""Fetches other people's crates: once, online; whatever comes after is built offline."""

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from evolve_ai.model.errors import ToolchainError
from evolve_ai.substrates.rust.dependencies import Dependency, dependencies_of
from evolve_ai.substrates.rust.lock import FETCHER, LOCK, Member, lock_of, read_lock
from evolve_ai.substrates.rust.manifest import MANIFEST
from evolve_ai.substrates.rust.own_home import CWD, lay_out
from evolve_ai.substrates.rust.toolchain import Toolchain, build_environment, fetch_environment
from evolve_ai.system.commands import Completed, Ending, Limits, run_command
from evolve_ai.system.files import publish, publish_if_changed

CRATES = "crates"  # in the workspace

_TODO = (
    "see that the crates in Cargo.toml exist at these versions, and that `cargo fetch` works there "
    "(a network, a proxy); then run again"
)


class CrateStore:
    """One small package for each set of crates, whose Cargo.lock says what they are made of.

    The crates themselves lie where cargo keeps them: in the user's own cargo home.
    """

    def __init__(self, folder: Path, limits: Limits, tools: Callable[[], Toolchain]):
        self._folder = folder
        self._limits = limits
        self._tools = tools

    def lock(self, manifest: bytes, seed: bytes | None = None) -> bytes | None:
        """The lock of what a manifest asks for, None when that is nothing.

        The first time, crates are fetched; `seed` is a Cargo.lock that says at which versions.
        Raises ToolchainError when that fails.
        """
        wanted = dependencies_of(manifest)
        if not wanted:
            return None
        home = self._home(wanted)
        return _read(home) or self._fetched(home, seed)

    def kept(self, manifest: bytes) -> bytes | None:
        """As lock(), of crates that were fetched some time before. Nothing is written."""
        wanted = dependencies_of(manifest)
        if not wanted:
            return None
        place = self._place(wanted)
        data = _read(place)
        if data is None:
            raise ToolchainError(
                "the crates of the template have not been fetched yet",
                where=place,
                todo="evolve build fetches them",
            )
        return data

    def require(self, manifests: Mapping[str, bytes]) -> None:
        """See that the crates are there, and fetch the same ones again if they are not."""
        wanted = dependencies_of(manifests[MANIFEST])
        if not wanted or LOCK not in manifests:
            return
        home = self._home(wanted)
        publish_if_changed(home / LOCK, manifests[LOCK])
        offline = build_environment(os.environ)
        if _failed(self._run(home, offline, "--offline", "--locked")):
            self._fetch(home, "--locked")

    def _place(self, wanted: tuple[Dependency, ...]) -> Path:
        rows = "".join(one.row() for one in wanted)
        return self._folder / hashlib.sha256(rows.encode()).hexdigest()[:24]

    def _home(self, wanted: tuple[Dependency, ...]) -> Path:
        rows = "".join(one.row() for one in wanted)
        home = self._place(wanted)
        text = (
            f'[package]\nname = "{FETCHER}"\nversion = "{Member().version}"\nedition = "2021"\n'
            f"publish = false\n\n[workspace]\n\n[dependencies]\n{rows}"
        )
        publish_if_changed(home / MANIFEST, text.encode())
        publish_if_changed(home / "src" / "lib.rs", b"")
        return home

    def _fetched(self, home: Path, seed: bytes | None) -> bytes:
        lock = home / LOCK
        lock.unlink(missing_ok=True)
        try:
            if seed is not None:
                publish(lock, seed)
            self._fetch(home)
        except BaseException:
            lock.unlink(missing_ok=True)  # it may be there although the crates are not
            raise
        data = lock_of(lock.read_bytes(), {FETCHER: Member()})
        publish(lock, data)
        return data

    def _fetch(self, home: Path, *words: str) -> None:
        """The only place where anything of ours goes online, but for webhooks."""
        done = self._run(home, fetch_environment(os.environ), *words)
        if done.ending is not Ending.EXITED:
            told = f"cargo was ended by its {done.ending} after {done.seconds:.0f} s"
        elif done.code:
            told = _errors(done) or f"exit status {done.code}"
        else:
            return
        raise ToolchainError(f"crates cannot be fetched: {told}", where=home, todo=_TODO)

    def _run(self, home: Path, environment: Mapping[str, str], *words: str) -> Completed:
        tools = self._tools()
        argv = (str(tools.cargo), "fetch", "--manifest-path", str(home / MANIFEST), *words)
        own = lay_out(self._folder / "home", os.environ)
        environment = {**environment, **tools.variables(), **own}
        return run_command(argv, cwd=CWD, env=environment, limits=self._limits)


def _read(home: Path) -> bytes | None:
    """The lock of a package, if it is there and whole."""
    try:
        data = (home / LOCK).read_bytes()
        read_lock(data)
    except (OSError, ValueError):
        return None
    return data


def _failed(done: Completed) -> bool:
    return done.ending is not Ending.EXITED or done.code != 0


def _errors(done: Completed) -> str:
    """What cargo says from its first error on."""
    text = done.stderr.decode("utf-8", "replace")
    return " ".join(text[max(0, text.find("error:")) :].split())[:600]
