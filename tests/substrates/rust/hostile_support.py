"""Owns a template whose one crate attacks while it is built, and those whom it attacks."""

import math
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from rust_support import FIXTURES, compiler_of
from seen import working_in

from evolve_ai.model.sandbox import Confinement
from evolve_ai.model.settings import GIB, BuildSettings
from evolve_ai.substrates.rust.area import BuildArea
from evolve_ai.substrates.rust.manifest import MANIFEST
from evolve_ai.system.commands import Completed
from evolve_ai.system.trees import discard

CRATES = {"hostile-crate": "1.0.0"}
MODE = 0o600  # of the secret
SETTINGS = BuildSettings(memory_bytes=2 * GIB)


@dataclass(frozen=True)
class Hostile:
    """A template whose one crate attacks while it is built, and whom."""

    area: BuildArea
    outside: Path

    def build(self, confinement: Confinement, seconds: float = math.inf) -> Completed:
        """That crate alone, or at least what its build script does."""
        self.forget()
        compiler = compiler_of(SETTINGS, lambda: confinement)
        return compiler.build(self.area, "hostile-crate", lambda line: None, seconds)

    def forget(self) -> None:
        """Cargo runs a build script again only if it knows nothing of its last run."""
        runs = "release/.fingerprint/hostile-crate-*/run-build-script*"
        for path in self.area.target.folder.glob(runs):
            discard(path)

    @contextmanager
    def put_right(self) -> Iterator[None]:
        """Within, all that is attacked may be changed."""
        files = (self.area.folder / MANIFEST, Path(os.environ["CARGO_HOME"]) / "config.toml")
        before = [path.read_bytes() for path in files]
        try:
            yield
        finally:
            for path, data in zip(files, before, strict=True):
                path.write_bytes(data)
            (self.outside / "secret").chmod(MODE)
            discard(self.outside / "by-script")
            discard(self.area.target.folder / "script-link")

    @contextmanager
    def bomb(self, seconds: int) -> Iterator[Path]:
        """Within, a build starts a hundred processes that live so long. The file that says how many
        have been started, once they have ended."""
        bomb, bombed = self.area.target.folder / "bomb", self.area.target.folder / "script-bombed"
        bomb.write_text(str(seconds))
        try:
            yield bombed
        finally:
            bomb.unlink()
            discard(bombed)

    @contextmanager
    def littered(self, confinement: Confinement) -> Iterator[None]:
        """Within, a build has left what stops the next one, unless somebody sees to that."""
        litter = self.area.target.folder / "litter"
        litter.touch()
        done = self.build(confinement)
        assert done.code == 0, (done.stderr, done.stdout)
        pipes = litter.parent.glob("release/.fingerprint/*/build-script-build-script-build")
        assert all(pipe.is_fifo() for pipe in pipes)
        try:
            yield
        finally:
            self.area.clean()
            assert list(litter.parent.iterdir()) == []
            assert self.build(confinement).code == 0

    def report(self, by: str) -> dict[str, bool]:
        lines = (self.area.target.folder / f"{by}-report").read_text().splitlines()
        return {what: told == "true" for what, told in (line.split(": ") for line in lines)}

    def daemons(self) -> list[psutil.Process]:
        """Those that crate and macro left, as far as they live."""
        pids = [int(file.read_text()) for file in self.area.target.folder.glob("*-daemon")]
        assert len(pids) == 2
        return [one for one in working_in(self.area.folder) if one.pid in pids]


def vendor(home: Path, words: dict[str, str]) -> None:
    """Cargo finds the hostile crates here, and asks nobody else."""
    crates = home / "registry" / "vendored"
    attacks = (FIXTURES / "hostile_crate" / "attacks.rs").read_text()
    for word, value in words.items():
        attacks = attacks.replace(word, value)
    for name in ("crate", "macro"):
        crate = shutil.copytree(FIXTURES / f"hostile_{name}", crates / f"hostile-{name}")
        (crate / "attacks.rs").write_text(attacks)
        (crate / ".cargo-checksum.json").write_text('{"files": {}}')
    (home / "config.toml").write_text(
        f'[source.crates-io]\nreplace-with = "here"\n[source.here]\ndirectory = "{crates}"\n'
    )


@contextmanager
def victims(outside: Path) -> Iterator[dict[str, str]]:
    """A file, two sockets and a process that no build has anything to do with."""
    (outside / "secret").write_text("key")
    (outside / "secret").chmod(MODE)
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(outside / "socket"))
        unix.listen()
        yield {
            "OUTSIDE": str(outside),
            "PORT": str(tcp.getsockname()[1]),
            "VICTIM": str(stranger.pid),
            "MEMORY": str(3 * GIB),
        }
    stranger.communicate(b"\n")
