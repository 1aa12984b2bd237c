"""Owns the Rust toolchain: where cargo is, which version, in which environment it runs."""

import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from evolve_ai.model.errors import ToolchainError
from evolve_ai.system.commands import Ending, Limits, run_command
from evolve_ai.system.tools import SET, tool_environment, tool_path

MINIMUM = (1, 74)
_LIMITS = Limits(total=20.0, silence=20.0)
_HOW = (
    "install Rust with rustup, or your system's packages `cargo` and `rustc`, "
    "and see that `cargo --version` works in this shell"
)


def build_environment(environ: Mapping[str, str], target: Path | None = None) -> dict[str, str]:
    """The environment of a build: no variable of the user's that could change what comes out."""
    offline = {"CARGO_NET_OFFLINE": "true"}
    folder = {"CARGO_TARGET_DIR": str(target)} if target else {}
    return {**tool_environment(environ), **offline, **folder}


def fetch_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """All of the user's: proxies, certificates and credentials, which nothing but a fetch needs."""
    return {**environ, **SET, "PATH": tool_path(environ)}


def require_cargo() -> None:
    for command in ("cargo", "rustc"):
        if shutil.which(command, path=tool_path(os.environ)) is None:
            raise ToolchainError(f"`{command}` is not on the PATH", todo=_HOW)


def require_version(release: str) -> None:
    """Older ones lack `--keep-going`, without which one bad gene would spoil a whole batch."""
    found = re.match(r"(\d+)\.(\d+)", release)
    if found is None or (int(found[1]), int(found[2])) < MINIMUM:
        oldest = ".".join(map(str, MINIMUM))
        raise ToolchainError(f"rustc {release or '?'} is too old, {oldest} is needed", todo=_HOW)


def toolchain_line(home: Path) -> str:
    """Versions of rustc, its host and LLVM, and cargo, as one line. About 80 ms.

    `home` is the project: rustup goes by the folder that it is called in.
    """
    require_cargo()
    return f"{compiler_line(home)}; {said('cargo', '-V', home=home).strip()}"


def compiler_line(home: Path) -> str:
    """Versions of rustc, its host and LLVM: what toolchain_line begins with. About 40 ms."""
    told = said("rustc", "-vV", home=home)
    facts = dict(line.split(": ", 1) for line in told.splitlines() if ": " in line)
    require_version(facts.get("release", ""))
    rustc = f"rustc {facts.get('release')} {facts.get('commit-hash')} {facts.get('host')}"
    return f"{rustc} LLVM {facts.get('LLVM version')}"


def configuration(home: Path, environ: Mapping[str, str]) -> str:
    """A hash of the cargo configuration of the user that holds in this folder, or "none".

    It holds for `cargo build` in an agent's folder as well, so it is not set aside.
    """
    cargo_home = Path(environ.get("CARGO_HOME") or Path.home() / ".cargo")
    folders = [*(folder / ".cargo" for folder in (home, *home.parents)), cargo_home]
    digest = hashlib.sha256()
    found = False
    for file in (folder / name for folder in folders for name in ("config.toml", "config")):
        with suppress(OSError):
            digest.update(hashlib.sha256(file.read_bytes()).digest())
            found = True
    return digest.hexdigest() if found else "none"


def said(*argv: str, home: Path, **variables: str) -> str:
    """What a short command says in this folder; ToolchainError when it fails."""
    environment = {**build_environment(os.environ), **variables}
    done = run_command(argv, cwd=home, env=environment, limits=_LIMITS)
    if done.ending is not Ending.EXITED:
        raise ToolchainError(
            f"`{' '.join(argv)}` has not answered for {done.seconds:.0f} s", todo=_HOW
        )
    if done.code != 0:
        told = done.stderr.decode("utf-8", "replace").strip() or f"exit status {done.code}"
        raise ToolchainError(f"`{' '.join(argv)}` failed: {told[:300]}", todo=_HOW)
    return done.stdout.decode("utf-8", "replace")
