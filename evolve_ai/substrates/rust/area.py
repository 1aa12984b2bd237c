"""Owns the build area: one cargo workspace with the kernel, the units and the batch as crates."""

import os
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from evolve_ai.model.report import GenePool
from evolve_ai.substrates.rust.dependencies import dependencies_of
from evolve_ai.substrates.rust.lock import LOCK, Member, lock_of
from evolve_ai.substrates.rust.manifest import MANIFEST, build_settings
from evolve_ai.substrates.rust.plan import Gene
from evolve_ai.substrates.rust.seal import Seal
from evolve_ai.substrates.rust.units import Unit, crate_name, path_of
from evolve_ai.system.files import discard, publish_if_changed, storage_errors

BATCH = "evolve_batch"
MAX_IDLE_UNITS = 256
# The kernel is the largest crate, and all others wait for it: it may be compiled on several cores.
# That changes how long it takes, not what it does.
_KERNEL_PROFILE = "\n[profile.release.package.{}]\ncodegen-units = 4\n"
_QUIET = "#![allow(warnings)]\n"

# The argument of a batch: which rows of its table to run, in order, as "genes:4.0.17".
ROWS_PREFIX = "genes:"

_MAIN = """\
use {kernel}::kernel::{{live, Gene}};

// All genes of the units of this batch.
static GENES: [Gene; {count}] = [
{rows}];

fn main() {{
    let told = std::env::args().nth(1);
    let rows = told.as_deref().and_then(|text| text.strip_prefix("{prefix}"));
    let rows = rows.expect("the first argument tells which genes to run: {prefix}4.0.17");
    let genes: Vec<Gene> = rows
        .split('.')
        .filter(|row| !row.is_empty())
        .map(|row| &GENES[row.parse::<usize>().expect("the number of a gene")])
        .map(|gene| Gene {{ name: gene.name, run: gene.run }})
        .collect();
    live(Vec::leak(genes));
}}
"""
_FIRST_ROW = _MAIN[: _MAIN.index("{rows}")].count("\n") + 1


class BuildArea:
    """The crates on disk. Names are hashes of content, so a crate never changes once written."""

    def __init__(self, folder: Path, pool: GenePool, base: str, config: str = ""):
        self.folder = folder
        self.target = folder / "target"
        self.kernel = crate_name("kernel", base)
        self.seal = Seal(self.target, folder / "seal.json")
        self._pool = pool
        manifest = pool.manifests[MANIFEST]
        self._edition, self._profile = build_settings(manifest)
        self._config = config  # of cargo
        self._crates = "".join(one.row() for one in dependencies_of(manifest))
        self._lock = pool.manifests.get(LOCK)
        self._members: dict[str, Member] = {}
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)

    def write(
        self, units: Sequence[Unit], code: Callable[[str], bytes], genes: Sequence[Gene]
    ) -> None:
        """Lay out a workspace of exactly these units and a batch of these genes, in this order.

        `code` gives a file by SHA-256.
        """
        self._members.clear()
        self._write_kernel()
        for unit in units:
            self._write_unit(unit, code)
        self._write_batch(genes, units)
        members = [f"kernels/{self.kernel}", *(f"units/{unit.name}" for unit in units), "batch"]
        listed = "".join(f'    "{member}",\n' for member in members)
        workspace = f'[workspace]\nresolver = "2"\nmembers = [\n{listed}]\n\n'
        self._put("Cargo.toml", workspace + self._profile + _KERNEL_PROFILE.format(self.kernel))
        self._put(".cargo/config.toml", self._config)
        publish_if_changed(self.folder / LOCK, lock_of(self._lock, self._members))

    def clean(self) -> None:
        """Forget everything compiled."""
        shutil.rmtree(self.target, ignore_errors=True)
        discard(self.folder / "seal.json")

    def forget_batch(self) -> None:
        """Have the batch compiled again whatever the clock says of its files.

        Cargo compares times; after a step back of the clock it would hand out the batch before.
        """
        self._forget(BATCH)

    def _forget(self, crate: str) -> None:
        names = (f".fingerprint/{crate}-*", f"deps/{crate}-*", f"deps/lib{crate}-*", crate)
        for pattern in names:
            for place in ("release", "*/release"):
                for path in self.target.glob(f"{place}/{pattern}"):
                    discard(path)

    def prune(self, kept: Collection[str], limit: int = MAX_IDLE_UNITS) -> int:
        """Remove the units and kernels longest unused, beyond this many, but none of `kept`."""
        dropped = 0
        for kind in ("units", "kernels"):
            crates = [path for path in (self.folder / kind).glob("*") if path.name not in kept]
            crates.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
            for path in crates[limit:]:
                for made in self.target.glob(f"**/*{path.name}*"):
                    discard(made)
                discard(path)
                dropped += 1
        return dropped

    def _write_kernel(self) -> None:
        files = {
            "Cargo.toml": self._manifest(self.kernel, {}).encode(),
            "src/lib.rs": f"{_QUIET}pub mod kernel;\n".encode(),
        }
        for path, code in self._pool.fixed.items():
            if path.startswith("src/kernel/"):
                files[path] = code
        self._write_crate(f"kernels/{self.kernel}", self.kernel, files)

    def _write_unit(self, unit: Unit, code: Callable[[str], bytes]) -> None:
        others = {name: f"../{name}" for _, name in unit.uses}
        needs = {self.kernel: f"../../kernels/{self.kernel}", **others}
        rows = [f"    pub use {name}::genes::{module};" for module, name in unit.uses]
        rows += [f"    pub mod {module};" for module, _ in unit.members]
        genes = "\n".join(rows)
        text = f"{_QUIET}pub use {self.kernel}::kernel;\npub mod genes {{\n{genes}\n}}\n"
        files = {
            "Cargo.toml": self._manifest(unit.name, needs).encode(),
            "src/lib.rs": text.encode(),
            **{path_of(module): code(digest) for module, digest in unit.members},
        }
        self._write_crate(f"units/{unit.name}", unit.name, files)

    def _write_crate(self, home: str, name: str, files: Mapping[str, bytes]) -> None:
        """Have a crate hold these files; if it held others, what they were compiled to is wrong."""
        known = (self.folder / home).exists()
        changed = [publish_if_changed(self.folder / home / path, files[path]) for path in files]
        if known and any(changed):
            self._forget(name)
        os.utime(self.folder / home)

    def _write_batch(self, genes: Sequence[Gene], units: Sequence[Unit]) -> None:
        needs = {self.kernel: f"../kernels/{self.kernel}"}
        needs.update({unit.name: f"../units/{unit.name}" for unit in units})
        self._put("batch/Cargo.toml", self._manifest(BATCH, needs))
        self._put("batch/src/main.rs", batch_main(self.kernel, genes))

    def _manifest(self, name: str, needs: Mapping[str, str]) -> str:
        """The manifest of a member of the workspace, which also enters the lock."""
        self._members[name] = Member(needs=tuple(needs))
        rows = "".join(f'{crate} = {{ path = "{path}" }}\n' for crate, path in needs.items())
        return (
            f'[package]\nname = "{name}"\nversion = "0.0.0"\nedition = "{self._edition}"\n'
            f"publish = false\n\n[dependencies]\n{rows}{self._crates}"
        )

    def _put(self, path: str, text: str) -> None:
        publish_if_changed(self.folder / path, text.encode())


def batch_main(kernel: str, genes: Sequence[Gene]) -> str:
    rows = "".join(
        f'    Gene {{ name: "{call}", run: {unit}::genes::{call} }},\n' for unit, call in genes
    )
    return _MAIN.format(kernel=kernel, count=len(genes), rows=rows, prefix=ROWS_PREFIX)


def row_of_line(line: int) -> int:
    """Which gene of the batch stands in this line (from 1) of its main.rs."""
    return line - _FIRST_ROW
