"""The genome: its shape, its rules, its codec. The contract is docs/genome.md."""

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgpack

from evolve_ai.model.gene_names import GeneNames

VERSION = 1
MAX_BYTES = 64 * 1024
DEEPEST = 64  # levels of arrays and maps, as in the kernel

_WORD = r"[A-Za-z_][A-Za-z0-9_]{0,63}"
_NAME = re.compile(_WORD)
# What every language may call a gene file: folders, a name, a suffix.
_PATH = re.compile(rf"(?:{_WORD}/){{1,8}}{_WORD}\.[A-Za-z0-9_]{{1,16}}")
_CODE = re.compile(r"[0-9a-f]{64}")
_KEYS = ("v", "id", "generation", "parents", "files", "traits", "mutations")
_LEAVES = frozenset({type(None), bool, int, float, str, bytes})
_FILE_KEYS = ("path", "code", "active", "functions")


def is_gene_path(path: str) -> bool:
    """Can a gene file of some language have this path, relative to its agent's folder?"""
    return _PATH.fullmatch(path) is not None


class GenomeError(ValueError):
    """A genome that breaks a rule; the message says which."""


@dataclass(frozen=True, slots=True)
class FileGene:
    """A gene file: where it lies, what it holds (SHA-256), which of its functions are called."""

    path: str
    code: str
    active: bool
    functions: tuple[tuple[str, bool], ...]
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def stem(self) -> str:
        """The name of the file, without folder and suffix."""
        return self.path.rpartition("/")[2].partition(".")[0]


@dataclass(frozen=True, slots=True)
class Genome:
    """Which files and functions of an agent are active, in calling order, and its traits (0..1)."""

    id: str
    generation: int
    parents: tuple[str, ...]
    files: tuple[FileGene, ...]
    traits: Mapping[str, float]
    mutations: Mapping[str, int] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def active_files(self) -> tuple[FileGene, ...]:
        return tuple(gene for gene in self.files if gene.active)

    def active_genes(self) -> Iterator[tuple[FileGene, str]]:
        """The (file, function) pairs that the wiring calls, in calling order."""
        for gene in self.files:
            if gene.active:
                yield from ((gene, name) for name, active in gene.functions if active)


def encode(genome: Genome) -> bytes:
    """The bytes of a genome; GenomeError when they would be too many, or too deep."""
    data = packed(genome)
    if len(data) > MAX_BYTES:
        raise GenomeError(f"{len(data)} bytes, more than the {MAX_BYTES} allowed")
    return data


def packed(genome: Genome) -> bytes:
    """Its bytes, however many; GenomeError when it is too deep."""
    body: dict[str, Any] = {
        "v": VERSION,
        "id": genome.id,
        "generation": genome.generation,
        "parents": list(genome.parents),
        "files": [
            {
                "path": gene.path,
                "code": gene.code,
                "active": gene.active,
                "functions": [[name, active] for name, active in gene.functions],
                **gene.extra,
            }
            for gene in genome.files
        ],
        "traits": dict(genome.traits),
        "mutations": dict(genome.mutations),
        **genome.extra,
    }
    try:
        data: bytes = msgpack.packb(body)
    except ValueError as error:
        raise GenomeError(f"cannot be written: {error}") from error
    return data


def decode(data: bytes, names: GeneNames | None = None) -> Genome:
    """Read a genome, or raise GenomeError with the first rule that it breaks.

    `names` are those of its language. Without them it may be of any.
    """
    if len(data) > MAX_BYTES:
        raise GenomeError(f"{len(data)} bytes, more than the {MAX_BYTES} allowed")
    try:
        body = msgpack.unpackb(data, object_pairs_hook=_map)
    except GenomeError:
        raise
    except msgpack.ExtraData as error:
        raise GenomeError("bytes after the end of the map") from error
    except Exception as error:  # msgpack raises several unrelated classes for broken input
        raise GenomeError(f"not msgpack: {str(error) or type(error).__name__}") from error
    if not isinstance(body, dict):
        raise GenomeError(f"a map was expected, not {type(body).__name__}")
    return _from_map(body, names)


def recalled(data: bytes) -> Genome:
    """The genome of bytes that `decode` has accepted before; no rule is looked at again."""
    body = msgpack.unpackb(data)
    return Genome(
        id=body["id"],
        generation=body["generation"],
        parents=tuple(body["parents"]),
        files=tuple(map(_recalled_file, body["files"])),
        traits=body["traits"],
        mutations=body.get("mutations", {}),
        extra={key: value for key, value in body.items() if key not in _KEYS},
    )


def _recalled_file(item: dict[str, Any]) -> FileGene:
    functions = tuple((name, active) for name, active in item["functions"])
    extra = {key: value for key, value in item.items() if key not in _FILE_KEYS}
    return FileGene(item["path"], item["code"], item["active"], functions, extra)


def _map(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    """A map without its equals: a codec that took the last of two would read another genome."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if type(key) is not str:
            raise GenomeError(f"a key is {type(key).__name__}, it must be str")
        if key in found:
            raise GenomeError(f"key {key[:60]!r} stands twice in a map")
        found[key] = value
    return found


def _from_map(body: dict[str, Any], names: GeneNames | None) -> Genome:
    version = _take(body, "v", int)
    if version != VERSION:
        raise GenomeError(f"v is {version}, this program reads {VERSION}")
    files = tuple(_file(item, at, names) for at, item in enumerate(_take(body, "files", list)))
    _refuse_twice([gene.path for gene in files], "files")
    return Genome(
        id=_uuid(_take(body, "id", str), "id"),
        generation=_count(_take(body, "generation", int), "generation"),
        parents=_parents(_take(body, "parents", list)),
        files=files,
        traits=_traits(_take(body, "traits", dict)),
        mutations=_mutations(body.get("mutations", {})),
        extra=_extra(body, _KEYS, depth=1),
    )


def _take(body: dict[str, Any], key: str, kind: type) -> Any:
    if key not in body:
        raise GenomeError(f"{key} is missing")
    return _typed(body[key], key, kind)


def _typed(value: Any, name: str, kind: type) -> Any:
    if type(value) is not kind:
        raise GenomeError(f"{name} must be {kind.__name__}, not {type(value).__name__}")
    return value


def _uuid(value: str, name: str) -> str:
    try:
        canonical = str(uuid.UUID(value))
    except ValueError as error:
        raise GenomeError(f"{name} is no UUID: {value[:60]!r}") from error
    if canonical != value:
        raise GenomeError(f"{name} is not in the lower-case form of a UUID: {value[:60]!r}")
    return value


def _count(value: int, name: str) -> int:
    if not 0 <= value < 2**63:
        raise GenomeError(f"{name} is {value}, it must be 0 or more")
    return value


def _parents(items: list[Any]) -> tuple[str, ...]:
    if len(items) > 2:
        raise GenomeError(f"parents has {len(items)} entries, at most 2 are possible")
    return tuple(_uuid(_typed(item, "parents[]", str), "parents[]") for item in items)


def _file(item: Any, at: int, names: GeneNames | None) -> FileGene:
    name = f"files[{at}]"
    _typed(item, name, dict)
    path = _typed(item.get("path"), f"{name}.path", str)
    if not (is_gene_path(path) if names is None else names.is_path(path)):
        form = "<folder>/<name>.<suffix>" if names is None else names.form
        raise GenomeError(f"{name}.path must be {form}, not {path[:80]!r}")
    code = _typed(item.get("code"), f"{name}.code", str)
    if not _CODE.fullmatch(code):
        raise GenomeError(f"{name}.code must be 64 hex digits, not {code[:80]!r}")
    active = _typed(item.get("active"), f"{name}.active", bool)
    functions = _typed(item.get("functions"), f"{name}.functions", list)
    pairs = tuple(
        _function(pair, f"{name}.functions[{n}]", names) for n, pair in enumerate(functions)
    )
    _refuse_twice([function for function, _ in pairs], f"{name}.functions")
    return FileGene(path, code, active, pairs, _extra(item, _FILE_KEYS, depth=3))


def _extra(body: dict[str, Any], known: tuple[str, ...], depth: int) -> dict[str, Any]:
    extra = {key: value for key, value in body.items() if key not in known}
    for key, value in extra.items():
        _refuse_strange(value, key, depth)
    return extra


def _refuse_strange(value: Any, key: str, depth: int) -> None:
    """Refuse what the kernel cannot read: deep nests, extension types."""
    if depth > DEEPEST:
        raise GenomeError(f"{key[:60]!r} is nested deeper than {DEEPEST} levels")
    if type(value) is dict or type(value) is list:
        for inner in value.values() if type(value) is dict else value:
            _refuse_strange(inner, key, depth + 1)
    elif type(value) not in _LEAVES:
        raise GenomeError(f"{key[:60]!r} holds an extension type of msgpack")


def _function(pair: Any, name: str, names: GeneNames | None) -> tuple[str, bool]:
    if type(pair) is not list or len(pair) != 2:
        raise GenomeError(f"{name} must be a pair [name, active]")
    function, active = _typed(pair[0], name, str), _typed(pair[1], name, bool)
    if not (_NAME.fullmatch(function) if names is None else names.is_name(function)):
        raise GenomeError(f"{name} is no name of a function: {function[:80]!r}")
    return function, active


def _traits(items: dict[str, Any]) -> dict[str, float]:
    for name, value in items.items():
        if type(value) not in (int, float):
            kind = type(value).__name__
            raise GenomeError(f"traits.{name[:60]} must be a number in 0..1, not {kind}")
        if not 0 <= value <= 1:
            raise GenomeError(f"traits.{name[:60]} is {value!r}, it must be a number in 0..1")
    return items


def _mutations(items: Any) -> dict[str, int]:
    _typed(items, "mutations", dict)
    for name, value in items.items():
        where = f"mutations.{name[:60]}"
        _count(_typed(value, where, int), where)
    return dict(items)


def _refuse_twice(names: list[str], where: str) -> None:
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise GenomeError(f"{where} names {twice} twice")
