"""Finds the Rust toolchain: where cargo is, which version, in which environment it runs."""

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evolve_ai.model.errors import ToolchainError
from evolve_ai.substrates.rust.own_home import without_keys
from evolve_ai.system.commands import Ending, Limits, run_command
from evolve_ai.system.refusals import refusal
from evolve_ai.system.tools import SET, tool_environment, tool_path

MINIMUM = (1, 74)
_LIMITS = Limits(total=20.0, silence=20.0)
HOW = (
    "install Rust with rustup, or your system's packages `cargo` and `rustc`, "
    "and see that `cargo --version` works in this shell"
)


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A compiler and its cargo: the programs themselves, behind whatever proxy is on the PATH.

    A proxy goes by the folder that it is called in; a `rust-toolchain.toml` there may name any
    program of the machine.
    """

    home: Path  # the project, for whose folder it was chosen
    sysroot: Path
    rustc: Path
    cargo: Path

    def variables(self) -> dict[str, str]:
        """What has cargo call this very compiler, and no program of the user's around it."""
        wrappers = ("RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER")
        none = {name: "" for wrapper in wrappers for name in (wrapper, f"CARGO_BUILD_{wrapper}")}
        return {"RUSTC": str(self.rustc), **none}


def find_toolchain(home: Path) -> Toolchain:
    """That of a project. About 30 ms. ToolchainError when there is none, or only half of one."""
    require_cargo()
    sysroot = Path(said("rustc", "--print", "sysroot", home=home).strip()).resolve()
    rustc, cargo = (_real(command, sysroot) for command in ("rustc", "cargo"))
    return Toolchain(home, sysroot, rustc, cargo)


def _real(command: str, sysroot: Path) -> Path:
    """Distributions may keep cargo elsewhere than rustc's sysroot; rustup never does."""
    own = sysroot / "bin" / command
    if own.is_file():
        return own
    found = Path(shutil.which(command, path=tool_path(os.environ)) or command).resolve()
    if found.name.startswith("rustup"):
        todo = "take a toolchain that is whole: rustup default stable"
        raise ToolchainError(f"this toolchain has no {command} of its own", where=own, todo=todo)
    return found


def build_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a build: no variable of the user's that could change what comes out."""
    return {**tool_environment(environ), "CARGO_NET_OFFLINE": "true"}


def fetch_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Proxies, certificates and credentials of the user's, which nothing but a fetch needs."""
    return {**without_keys(environ), **SET, "PATH": tool_path(environ)}


def require_cargo() -> None:
    for command in ("cargo", "rustc"):
        if shutil.which(command, path=tool_path(os.environ)) is None:
            raise ToolchainError(f"`{command}` is not on the PATH", todo=HOW)


def require_version(release: str) -> None:
    """Older ones lack `--keep-going`, without which one bad gene would spoil a whole batch."""
    found = re.match(r"(\d+)\.(\d+)", release)
    if found is None or (int(found[1]), int(found[2])) < MINIMUM:
        oldest = ".".join(map(str, MINIMUM))
        raise ToolchainError(f"rustc {release or '?'} is too old, {oldest} is needed", todo=HOW)


def toolchain_line(tools: Toolchain) -> str:
    """Versions of rustc, its host and LLVM, and cargo, as one line. About 50 ms."""
    return f"{compiler_line(tools)}; {said(str(tools.cargo), '-V', home=tools.home).strip()}"


def compiler_line(tools: Toolchain) -> str:
    """Versions of rustc, its host and LLVM: what toolchain_line begins with. About 20 ms."""
    told = said(str(tools.rustc), "-vV", home=tools.home)
    facts = dict(line.split(": ", 1) for line in told.splitlines() if ": " in line)
    require_version(facts.get("release", ""))
    rustc = f"rustc {facts.get('release')} {facts.get('commit-hash')} {facts.get('host')}"
    return f"{rustc} LLVM {facts.get('LLVM version')}"


def said(*argv: str, home: Path, **variables: str) -> str:
    """What a short command says in this folder; ToolchainError when it fails, MachineError when
    the machine lets it do nothing."""
    environment = {**build_environment(os.environ), **variables}
    try:
        done = run_command(argv, cwd=home, env=environment, limits=_LIMITS)
    except OSError as error:
        raise ToolchainError(f"`{argv[0]}` cannot be run: {error.strerror}", todo=HOW) from error
    if done.ending is not Ending.EXITED:
        raise ToolchainError(
            f"`{' '.join(argv)}` has not answered for {done.seconds:.0f} s", todo=HOW
        )
    if done.code != 0:
        told = done.stderr.decode("utf-8", "replace").strip() or f"exit status {done.code}"
        if refused := refusal(told, what=f"`{' '.join(argv)}` cannot be run"):
            raise refused
        raise ToolchainError(f"`{' '.join(argv)}` failed: {told[:300]}", todo=HOW)
    return done.stdout.decode("utf-8", "replace")
