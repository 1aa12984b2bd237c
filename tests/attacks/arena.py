"""Where attackers meet their victims: agents of one supervisor, as real agents are, in a project
of their own; what each of them came to is told as a value.

An arena belongs to one user. The root of the tests makes it for somebody else by a fork.
"""

import ctypes
import os
import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from secrets import token_hex

from arena_looks import signature, standing
from attack_support import Cell, Signature

from evolve_ai.model.sandbox import Protection

BYSTANDER_SECONDS = "300"
PR_CAPBSET_DROP = 24
OTHER = 12345  # a user that nobody is
_TARGETS = (
    "own_state_file", "manifest", "gene", "genome", "registry", "store", "sibling_file",
    "sibling_genome",
)  # fmt: skip
_LEADS_TO_FILE = ("file", "dotted_file", "planted", "outside")
_TALKS = ("tcp", "udp", "unix", "abstract")


class Mode(StrEnum):
    HELD = "held"
    LIFTED = "lifted"  # without what stops the attack
    BARE = "bare"  # without a box


@dataclass(frozen=True)
class Entry:
    """An attacker: its cell, and how much of its box is there."""

    cell: Cell
    mode: Mode

    @property
    def id(self) -> str:
        return f"{self.cell.name}-{self.mode}"

    @property
    def victim(self) -> str:
        return f"{self.id}.victim"

    @property
    def off(self) -> frozenset[Protection]:
        if self.mode is Mode.BARE:
            return frozenset(Protection)
        lifted = self.mode is Mode.LIFTED
        return self.cell.beside | (self.cell.stopped_by if lifted else frozenset())


class Arena:
    """A project at `root`, with a folder, listeners and targets for each attacker."""

    def __init__(self, root: Path, attacker: Path, entries: Sequence[Entry]):
        self.root = root
        self.attacker = attacker
        self.entries = entries
        self.secret = token_hex(16)
        self.agents = root / "project" / "agents"
        self.workspace = root / "project" / "workspace"
        self.sockets: dict[str, dict[str, socket.socket]] = {}
        self.bystander = self._bystander()
        self._make_project()
        self.names = {entry.id: self._places(entry) for entry in entries}

    def _bystander(self) -> subprocess.Popen[bytes]:
        environment = {"SECRET": self.secret}
        command = ["/bin/sleep", BYSTANDER_SECONDS]
        return subprocess.Popen(command, env=environment, preexec_fn=_drop_capabilities)

    def _make_project(self) -> None:
        for path in ("evolve.toml", "workspace/key", "workspace/registry.sqlite"):
            self._file(self.root / "project" / path)
        (self.root / "home").mkdir()

    def _file(self, path: Path, mode: int = 0o644) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.secret)
        path.chmod(mode)
        return path

    def _places(self, entry: Entry) -> dict[str, str]:
        """Paths and numbers that an attack may name, and a target of its own where it names one."""
        own, outside = self.agents / entry.id, self.root / "home" / entry.id
        sibling = self.agents / entry.victim
        places = {
            "own_state": own / "state", "own_other": own / "other", "own_mark": own / "state/mark",
            "own_link": own / "state/link", "own_state_file": own / "state/file",
            "planted": own / "state/planted", "tell": own / "state/tell", "big": own / "state/big",
            "offer": own / "state/genome.bin", "manifest": own / "Cargo.toml",
            "gene": own / "src/genes/linear.rs", "genome": own / "genome.bin",
            "cargo_folder": own / ".cargo", "build_script": own / "build.rs",
            "toolchain": own / "rust-toolchain.toml", "locked": own / "state/locked",
            "outside": outside, "file": outside / "file", "new": outside / "new",
            "dotted_new": f"state/../../../../home/{entry.id}/dotted", "dotted": outside / "dotted",
            "dotted_file": f"state/../../../../home/{entry.id}/file",
            "rooted_new": f"/proc/self/root{outside}/rooted",
            "sibling_new": sibling / "new", "sibling_state_new": sibling / "state/new",
            "sibling_file": sibling / "Cargo.toml", "sibling_genome": sibling / "genome.bin",
            "agents": self.agents, "project_new": self.root / "project" / f"new-{entry.id}",
            "settings": self.root / "project/evolve.toml", "key": self.workspace / "key",
            "registry": self.workspace / "registries" / entry.id,
            "store": self.workspace / "store" / entry.id,
            "program": self.workspace / "programs" / entry.id, "loader": _loader(),
            "set_user_id": self.root / "set-user-id",
            "tmp": Path("/tmp") / f"evolve-attack-{self.secret}-{entry.id}",
            "bystander_environment": f"/proc/{self.bystander.pid}/environ",
            "keeper_socket": self.workspace / "colony/keeper.sock",
        }  # fmt: skip
        paths = {name: Path(at) for name, at in places.items()}
        for folder in (own / "state", outside, sibling / "state"):
            folder.mkdir(parents=True)
        self._make_targets(entry.cell.words, paths)
        listeners = self._listeners(entry) if entry.cell.words.startswith(_TALKS) else {}
        numbers = {"victim_id": entry.victim, "key_number": str(int(token_hex(3), 16))}
        queue = {"queue": f"evolve-attack-{self.secret}-{entry.id}"}
        return {**{name: str(at) for name, at in places.items()}, **listeners, **numbers, **queue}

    def _make_targets(self, words: str, paths: Mapping[str, Path]) -> None:
        for name in (name for name in _TARGETS if f"{{{name}}}" in words):
            self._file(paths[name])
        if any(f"{{{name}}}" in words for name in _LEADS_TO_FILE):
            self._file(paths["file"])
            paths["planted"].symlink_to(paths["file"])
        for name in (name for name in ("tell", "program") if f"{{{name}}}" in words):
            # Of its own, so that one who overwrites its program is alone with it.
            paths[name].parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.attacker, paths[name])
        if "{locked}" in words:
            os.chown(self._file(paths["locked"], 0), OTHER, OTHER)

    def program(self, entry: Entry) -> Path:
        own = self.names[entry.id]["program"]
        return Path(own) if "{program}" in entry.cell.words else self.attacker

    def _listeners(self, entry: Entry) -> dict[str, str]:
        path, name = self.root / "sockets" / token_hex(4), f"evolve-{self.secret}-{entry.id}"
        path.parent.mkdir(exist_ok=True)
        sockets = {
            "tcp": socket.create_server(("127.0.0.1", 0)),
            "udp": socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
            "unix": socket.socket(socket.AF_UNIX),
            "abstract": socket.socket(socket.AF_UNIX),
        }
        sockets["udp"].bind(("127.0.0.1", 0))
        sockets["unix"].bind(str(path))
        sockets["abstract"].bind("\0" + name)
        for one in ("unix", "abstract"):
            sockets[one].listen()
        for one in sockets.values():
            one.setblocking(False)
        self.sockets[entry.id] = sockets
        ports = {kind: str(sockets[kind].getsockname()[1]) for kind in ("tcp", "udp")}
        return {**ports, "unix": str(path), "abstract": name}

    def reached(self, entry: Entry) -> frozenset[str]:
        found = set()
        for kind, ear in self.sockets.get(entry.id, {}).items():
            with suppress(BlockingIOError):
                if kind == "udp":
                    ear.recv(100)
                else:
                    ear.accept()[0].close()
                found.add(kind)
        return frozenset(found)

    def signatures(self, entry: Entry, victim: int | None) -> dict[str, Signature]:
        names = self.names[entry.id]
        files = {name: signature(Path(at)) for name, at in names.items() if "/" in at}
        return {**files, **(standing(victim) if victim else {})}

    def close(self) -> None:
        self.bystander.kill()
        self.bystander.wait()
        for sockets in self.sockets.values():
            for one in sockets.values():
                one.close()
        for names in self.names.values():
            Path(names["tmp"]).unlink(missing_ok=True)


def _drop_capabilities() -> None:
    """Who has more capabilities than an attacker is out of its reach anyhow (ptrace(2))."""
    libc = ctypes.CDLL(None)
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def _loader() -> Path:
    found = [one for at in ("/lib64", "/lib") for one in sorted(Path(at).glob("ld-linux-*.so.*"))]
    return found[0] if found else Path("/nonexistent")
