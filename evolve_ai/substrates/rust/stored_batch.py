"""One batch on disk: written with a signed statement, read only if all of it agrees."""

import errno
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evolve_ai.substrates.rust.area import ROWS_PREFIX
from evolve_ai.substrates.rust.fingerprint import Ingredients
from evolve_ai.substrates.rust.plan import Gene, Wiring
from evolve_ai.substrates.rust.target import MAX_PROGRAM
from evolve_ai.system.files import publish, read_regular
from evolve_ai.system.signing import SIGNATURE, Key, is_signed

PROGRAM = "program"
INDEX = "index.json"
STATEMENT = "statement.json"
_FORMAT = 4  # before it, nothing was signed
_PASSED = "passed"  # the only verdict of an audit that leads to a program
_MAX_BYTES = 2**28  # of an index, or a statement
# What a file is, rather than what the machine says that cannot read it just now.
_NO_FILE = frozenset(
    [errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EINVAL, errno.EFBIG, errno.ENXIO]
)


class AlteredError(Exception):
    """A batch is not what this project has signed; in words, how."""


class UnsignedError(Exception):
    """A batch of an older version, whose batches were not signed."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a batch is made of: beside genes, its `ingredients`; by unit, its gene files as (path,
    SHA-256). All of those have passed the audit under this `policy`."""

    ingredients: Ingredients
    units: Mapping[str, Sequence[tuple[str, str]]]
    policy: str


@dataclass(frozen=True, slots=True)
class ProgramBatch:
    """A binary, the crates that it was linked from (kernel and units), and the row of each gene
    in its table."""

    name: str
    digest: str  # SHA-256 of the binary, as signed
    units: frozenset[str]
    rows: Mapping[Gene, int]
    policy: str

    def arguments(self, wiring: Wiring) -> tuple[str, ...] | None:
        """How to run this wiring; None if the batch lacks something that it needs."""
        if not wiring.needs <= self.units:
            return None
        try:
            rows = [str(self.rows[gene]) for gene in wiring.genes()]
        except KeyError:
            return None
        return (ROWS_PREFIX + ".".join(rows),)


def write_batch(folder: Path, binary: Path, genes: Sequence[Gene], origin: Origin, key: Key) -> str:
    """Write a batch into this folder; returns the name that it has to have then."""
    code = read_regular(binary, MAX_PROGRAM)
    digest = hashlib.sha256(code).hexdigest()
    units, rows = sorted(origin.units), [list(gene) for gene in genes]
    name = _name(units, rows)
    index = _json({"format": _FORMAT, "units": units, "genes": rows, "program": digest})
    statement = _json(
        {
            "batch": name,
            "index": _sha(index),
            "program": digest,
            "ingredients": [list(one) for one in origin.ingredients],
            "units": {unit: [list(file) for file in origin.units[unit]] for unit in units},
            "policy": origin.policy,
            "verdict": _PASSED,
            "key": key.public,
        }
    )
    publish(folder / PROGRAM, code, mode=0o555)
    publish(folder / INDEX, index)
    publish(folder / STATEMENT, statement)
    publish(folder / SIGNATURE, key.sign(statement))
    return name


def read_batch(folder: Path, key: Key) -> ProgramBatch:
    """What a folder holds, but for the binary, which is looked at before it is run.

    Raises AlteredError, UnsignedError, and OSError where the machine cannot read just now.
    """
    data = _read(folder / INDEX)
    index = _parsed(data)
    if index.get("format") in range(1, _FORMAT) and not (folder / SIGNATURE).exists():
        raise UnsignedError
    statement = _read(folder / STATEMENT)
    signature = _read(folder / SIGNATURE)
    said = _parsed(statement)
    if not key.verifies(statement, signature):
        raise AlteredError(_whose(statement, signature, said))
    if said["batch"] != folder.name:
        raise AlteredError(f"it is batch {str(said['batch'])[:12]}… under another name")
    if said["index"] != _sha(data):
        raise AlteredError(f"its {INDEX} is not the one that was signed")
    rows = {(str(unit), str(call)): row for row, (unit, call) in enumerate(index["genes"])}
    units = frozenset(map(str, index["units"]))
    return ProgramBatch(folder.name, str(said["program"]), units, rows, str(said["policy"]))


def check_binary(folder: Path, batch: ProgramBatch) -> None:
    """AlteredError unless it is the one that was signed; OSError as for read_batch."""
    code = _read(folder / PROGRAM, MAX_PROGRAM)
    if _sha(code) != batch.digest:
        raise AlteredError("its binary is not the one that was signed")


def claimed(folder: Path) -> frozenset[str]:
    """The units that an altered batch says it holds, in what can still be read of it."""
    found: set[str] = set()
    for name in (INDEX, STATEMENT):
        try:
            units = _parsed(_read(folder / name)).get("units")
        except (AlteredError, OSError):
            continue
        if isinstance(units, list | dict):
            found.update(unit for unit in units if isinstance(unit, str))
    return frozenset(found)


def _read(file: Path, limit: int = _MAX_BYTES) -> bytes:
    try:
        return read_regular(file, limit)
    except FileNotFoundError as error:
        raise AlteredError(f"it has no {file.name}") from error
    except OSError as error:
        if error.errno in _NO_FILE:
            raise AlteredError(f"its {file.name} is no regular file of sane size") from error
        raise


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {}


def _whose(statement: bytes, signature: bytes, said: Mapping[str, Any]) -> str:
    if is_signed(statement, signature, str(said.get("key"))):
        return "it is signed with another key than this project's"
    return f"its {STATEMENT} is not the one that was signed"


def _json(content: Mapping[str, Any]) -> bytes:
    """Canonical: the same content is always the same bytes."""
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _name(units: Sequence[str], genes: Sequence[Sequence[str]]) -> str:
    """A batch is named by what its index says, so that no index is taken for another's."""
    return _sha(json.dumps({"format": _FORMAT, "units": units, "genes": genes}).encode())
