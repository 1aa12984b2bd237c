"""Owns the build area: one cargo workspace with the kernel, the units and the batch as crates."""

import os
import shutil
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from evolve_ai.model.report import GenePool
from evolve_ai.substrates.rust.manifest import build_settings
from evolve_ai.substrates.rust.units import Unit, crate_name
from evolve_ai.system.files import publish_if_changed, storage_errors

BATCH = "evolve_batch"
MAX_IDLE_UNITS = 256
# (name of the unit, "module::function") for each call
Calls = tuple[tuple[str, str], ...]

_QUIET = "#![allow(warnings)]\n"

_MAIN = """\
use {kernel}::kernel::{{live, Gene}};

// One row for each distinct gene of this batch.
static GENES: [Gene; {count}] = [
{rows}];

// Numbers of 4 bytes, little-endian: how many wirings, where each begins (and the last one ends)
// in what follows, then rows of GENES.
static WIRINGS: &[u8] = include_bytes!("wirings.bin");

fn number(at: usize) -> usize {{
    let from = 4 * at;
    u32::from_le_bytes([WIRINGS[from], WIRINGS[from + 1], WIRINGS[from + 2], WIRINGS[from + 3]])
        as usize
}}

fn main() {{
    let index: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).expect("index");
    let count = number(0);
    assert!(index < count, "there is no wiring {{index}}");
    let rows = count + 2;
    let genes: Vec<Gene> = (number(1 + index)..number(2 + index))
        .map(|at| &GENES[number(rows + at)])
        .map(|gene| Gene {{ name: gene.name, run: gene.run }})
        .collect();
    live(Vec::leak(genes));
}}
"""
_FIRST_ROW = _MAIN[: _MAIN.index("{rows}")].count("\n") + 1


class BuildArea:
    """The crates on disk. Names are hashes of content, so a crate never changes once written."""

    def __init__(self, folder: Path, pool: GenePool, base: str):
        self.folder = folder
        self.target = folder / "target"
        self.kernel = crate_name("kernel", base)
        self._pool = pool
        self._edition, self._profile = build_settings(pool.manifest)
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)

    def write(
        self, units: Sequence[Unit], code: Callable[[str], bytes], batch: Mapping[str, Calls]
    ) -> None:
        """Lay out a workspace of exactly these units and a batch of these programs.

        `code` gives a file by SHA-256; `batch` maps each fingerprint to its calls.
        """
        self._write_kernel()
        for unit in units:
            self._write_unit(unit, code)
        self._write_batch(batch, units)
        members = [f"kernels/{self.kernel}", *(f"units/{unit.name}" for unit in units), "batch"]
        listed = "".join(f'    "{member}",\n' for member in members)
        text = f'[workspace]\nresolver = "2"\nmembers = [\n{listed}]\n\n{self._profile}'
        self._put("Cargo.toml", text)

    def clean(self) -> None:
        """Forget everything compiled."""
        shutil.rmtree(self.target, ignore_errors=True)

    def forget_batch(self) -> None:
        """Have the batch compiled again whatever the clock says of its files.

        Cargo compares times; after a step back of the clock it would hand out the batch before.
        """
        for pattern in (f".fingerprint/{BATCH}-*", f"deps/{BATCH}-*", BATCH):
            for place in ("release", "*/release"):
                for path in self.target.glob(f"{place}/{pattern}"):
                    _remove(path)

    def prune(self, limit: int = MAX_IDLE_UNITS) -> int:
        """Remove the units and kernels longest unused, beyond this many of each."""
        dropped = 0
        for kind in ("units", "kernels"):
            crates = [path for path in (self.folder / kind).glob("*") if path.is_dir()]
            crates.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
            for path in crates[limit:]:
                for made in self.target.glob(f"**/*{path.name}*"):
                    _remove(made)
                _remove(path)
                dropped += 1
        return dropped

    def _write_kernel(self) -> None:
        home = f"kernels/{self.kernel}"
        self._put(f"{home}/Cargo.toml", self._manifest(self.kernel, {}))
        self._put(f"{home}/src/lib.rs", f"{_QUIET}pub mod kernel;\n")
        for path, code in self._pool.fixed.items():
            if path.startswith("src/kernel/"):
                publish_if_changed(self.folder / home / path, code)
        os.utime(self.folder / home)

    def _write_unit(self, unit: Unit, code: Callable[[str], bytes]) -> None:
        home = f"units/{unit.name}"
        others = {name: f"../{name}" for _, name in unit.uses}
        needs = {self.kernel: f"../../kernels/{self.kernel}", **others}
        self._put(f"{home}/Cargo.toml", self._manifest(unit.name, needs))
        rows = [f"    pub use {name}::genes::{module};" for module, name in unit.uses]
        rows += [f"    pub mod {module};" for module, _ in unit.members]
        genes = "\n".join(rows)
        text = f"{_QUIET}pub use {self.kernel}::kernel;\npub mod genes {{\n{genes}\n}}\n"
        self._put(f"{home}/src/lib.rs", text)
        for module, digest in unit.members:
            publish_if_changed(self.folder / home / f"src/genes/{module}.rs", code(digest))
        os.utime(self.folder / home)

    def _write_batch(self, batch: Mapping[str, Calls], units: Sequence[Unit]) -> None:
        needs = {self.kernel: f"../kernels/{self.kernel}"}
        needs.update({unit.name: f"../units/{unit.name}" for unit in units})
        self._put("batch/Cargo.toml", self._manifest(BATCH, needs))
        genes = batch_genes(batch)
        self._put("batch/src/main.rs", batch_main(self.kernel, genes))
        publish_if_changed(self.folder / "batch/src/wirings.bin", wiring_table(batch, genes))

    def _manifest(self, name: str, needs: Mapping[str, str]) -> str:
        rows = "".join(f'{crate} = {{ path = "{path}" }}\n' for crate, path in needs.items())
        return (
            f'[package]\nname = "{name}"\nversion = "0.0.0"\nedition = "{self._edition}"\n'
            f"publish = false\n\n[dependencies]\n{rows}"
        )

    def _put(self, path: str, text: str) -> None:
        publish_if_changed(self.folder / path, text.encode())


def batch_genes(batch: Mapping[str, Calls]) -> Calls:
    """The distinct genes of a batch, in the order of its rows."""
    return tuple(sorted({gene for calls in batch.values() for gene in calls}))


def batch_main(kernel: str, genes: Calls) -> str:
    rows = "".join(
        f'    Gene {{ name: "{call}", run: {unit}::genes::{call} }},\n' for unit, call in genes
    )
    return _MAIN.format(kernel=kernel, count=len(genes), rows=rows)


def row_of_line(line: int) -> int:
    """Which gene of the batch stands in this line (from 1) of its main.rs."""
    return line - _FIRST_ROW


def wiring_table(batch: Mapping[str, Calls], genes: Calls) -> bytes:
    """All wirings as numbers, so that the time to compile does not depend on how many there are."""
    row = {gene: at for at, gene in enumerate(genes)}
    starts, rows = [0], []
    for calls in batch.values():
        rows += [row[gene] for gene in calls]
        starts.append(len(rows))
    return struct.pack(f"<I{len(starts)}I{len(rows)}I", len(batch), *starts, *rows)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
