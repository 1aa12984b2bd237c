"""The rules on names and paths: what they may stand for, and that they stand for it."""

from collections import defaultdict
from collections.abc import Iterator

from evolve_ai.substrates.rust import syntax
from evolve_ai.substrates.rust.policy import (
    GENERATED_PREFIX,
    HASHED,
    KEPT_FROM_CRATES,
    KERNEL_NAMES,
    PRELUDE,
    RESERVED_ROOTS,
    Policy,
)
from evolve_ai.substrates.rust.rules import Breach
from evolve_ai.substrates.rust.syntax import Import, PathUse, SourceTree

# The id of a rule, and a sentence.
Refusal = tuple[str, str]

_DECLARING = (
    "struct_item",
    "enum_item",
    "union_item",
    "trait_item",
    "type_item",
    "type_parameter",
    "const_parameter",
    "associated_type",
    "const_item",
    "function_item",
    "function_signature_item",
    "enum_variant",
)
_HOPS = 8


def name_errors(
    tree: SourceTree, imported: tuple[Import, ...], written: tuple[PathUse, ...], policy: Policy
) -> Iterator[Breach]:
    names = _Names(tree, imported, policy)
    yield from names.breaches(imported)
    for path in written:
        refusal = names.refusal(path.segments, path.rooted)
        if refusal:
            yield path.start, *refusal


class _Names:
    """What the first segment of a path can stand for in this file."""

    def __init__(self, tree: SourceTree, imported: tuple[Import, ...], policy: Policy):
        self.policy = policy
        self.imports: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for item in imported:
            if item.name is not None and not item.glob:
                self.imports[item.name].append(item.segments)
        self.local: dict[str, int] = {}
        for kind in _DECLARING:
            for node in tree.kinds[kind]:
                name = node.child_by_field_name("name")
                if name is not None:
                    plain = syntax.plain(syntax.text_of(name))
                    self.local.setdefault(plain, name.start_byte)

    def breaches(self, imported: tuple[Import, ...]) -> Iterator[Breach]:
        """What is wrong with declared names and with `use`."""
        for name, start in self.local.items():
            if name in RESERVED_ROOTS or name in self.policy.crates:
                yield start, "hidden-name", _hidden(name)
        for item in imported:
            if self._hides(item):
                yield item.start, "hidden-name", _hidden(item.name or "")
            elif any(one.startswith(GENERATED_PREFIX) for one in (item.name or "", *item.segments)):
                told = f"names that begin with `{GENERATED_PREFIX}` are kept for the build"
                yield item.start, "generated-name", told
            elif any(not part.isascii() for part in (item.name or "", *item.segments)):
                yield item.start, "ascii-name", f"names are written in ASCII, not `{_shown(item)}`"
            else:
                refusal = self.refusal(item.segments, item.rooted, glob=item.glob)
                if refusal:
                    yield item.start, *refusal

    def _hides(self, item: Import) -> bool:
        """Does it take a name that must go on to mean what it always means?

        A macro of a crate, called `vec` here, could write what no gene may say.
        """
        name, crates = item.name or "", self.policy.crates
        if name in RESERVED_ROOTS:
            return True
        if item.segments[:1] in (("std",), ("core",)):
            return name in crates
        if name in crates and item.segments != (name,):
            return True
        if name in self.policy.more_macros and item.segments[-1:] != (name,):
            return True
        return bool(crates) and name in KEPT_FROM_CRATES

    def refusal(
        self, segments: tuple[str, ...], rooted: bool, glob: bool = False, hops: int = 0
    ) -> Refusal | None:
        """Why this path is not allowed, or None."""
        shown = ("::" if rooted else "") + "::".join(segments)[:200]
        first = segments[0] if segments else ""
        if rooted or hops > _HOPS or any(part in RESERVED_ROOTS for part in segments[1:]):
            return "path-shape", f"`{shown}` is not allowed"
        if first in ("std", "core"):
            calm = _is_calm(segments[1:], glob, self.policy.paths)
            return None if calm else _not_calm(shown, segments[1:])
        if first == "crate":
            return None if _is_ours(segments, glob) else _not_ours(shown)
        if first in self.policy.crates:
            told = f"`{shown}::*`: a crate is used by name, not as a whole"
            return ("crate-glob", told) if glob else None
        if first == "self":
            rest = segments[1:]
            return self.refusal(rest, False, glob, hops + 1) if len(rest) > 1 else None
        if first in self.imports:
            whole = (target + segments[1:] for target in self.imports[first])
            led = [path for path in whole if path != segments]  # `use x;` leads nowhere
            if led:
                refusals = (self.refusal(path, False, glob, hops + 1) for path in led)
                return next((refusal for refusal in refusals if refusal), None)
        if first == "alloc":
            return _not_calm(shown, segments[1:])
        if first in RESERVED_ROOTS - {"Self"}:
            return "path-shape", f"`{shown}` is not allowed"
        if not (first in self.local or first in PRELUDE or first == "Self"):
            whose = "nothing in this file declares or uses, and which is no crate of the template"
            return "unknown-path", f"`{shown}` begins with `{first[:60]}`, which {whose}"
        return None


def _hidden(name: str) -> str:
    return f"nothing may be called `{name[:60]}`, it would hide the real one"


def _shown(item: Import) -> str:
    return "::".join(item.segments)[:60]


def _is_calm(inner: tuple[str, ...], glob: bool, allowed: frozenset[str]) -> bool:
    """Does a path inside std or core only compute? Of fmt, only what shows no addresses."""
    if inner == ("fmt",):
        return not glob
    return any("::".join(inner[:length]) in allowed for length in range(1, len(inner) + 1))


def _not_calm(shown: str, inner: tuple[str, ...]) -> Refusal:
    if inner[:1] == ("collections",) or "::".join(inner[:2]) in HASHED:
        told = f"`{shown}` is not allowed: use BTreeMap or BTreeSet, whose order never changes"
        return "hashed-order", told
    return "std-path", f"`{shown}` is not allowed: a gene computes, it does not reach outside"


def _is_ours(segments: tuple[str, ...], glob: bool) -> bool:
    if segments[1:2] == ("kernel",):
        return len(segments) > 2 and segments[2] in KERNEL_NAMES
    return segments[1:2] == ("genes",) and len(segments) > 2 and segments[2] != ""


def _not_ours(shown: str) -> Refusal:
    names = " or ".join(f"`crate::kernel::{name}`" for name in sorted(KERNEL_NAMES))
    told = f"`{shown}` is not allowed: a gene uses {names}, and other genes as `crate::genes::x`"
    return "kernel-path", told
