"""The rules of the audit: what each is called, why it is there, whether it may only warn."""

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType

# What a rule found: the byte at which it begins, the rule's id, and a sentence.
Breach = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Rule:
    """`repeatable`: safety does not rest on it, only that a history can be lived again."""

    id: str
    reason: str
    repeatable: bool = False


def _by_id(rules: Iterable[Rule]) -> MappingProxyType[str, Rule]:
    return MappingProxyType({rule.id: rule for rule in rules})


RULES = _by_id(
    [
        # What is no text, or no Rust.
        Rule("not-text", "Code that is read is UTF-8 and no larger than a person could review."),
        Rule(
            "invisible-character", "What readers cannot see could make code look like other code."
        ),
        Rule("syntax", "What the audit cannot parse, it cannot judge."),
        Rule("nesting", "Very deep nesting makes compilers slow, or crash."),
        # What escapes from the language.
        Rule("unsafe-code", "Unsafe code may do whatever the process may."),
        Rule("foreign-code", "Code from elsewhere is linked in unread."),
        Rule(
            "function-value",
            "As a pointer a function loses the lifetimes it asks for, and tells an address.",
        ),
        Rule("lost-lifetime", "The compiler forgets lifetimes that only a closure's result names."),
        Rule("raw-pointer", "A raw pointer is the way into unsafe code, and shows an address."),
        Rule("static", "State outside the agent is neither remembered nor handed on."),
        Rule("nested-module", "A module can be read from any file, or be there only in tests."),
        Rule("visibility", "`pub(crate)` means another thing where a file is a crate by itself."),
        Rule("new-syntax", "What the parser reads, but the rules do not know, is not let through."),
        # What writes code that the audit does not see.
        Rule("macro", "A macro may write anything, so only macros known by name are used."),
        Rule("own-macro", "A macro of its own writes code that no rule sees."),
        Rule("item-in-macro", "Inside a macro there are only tokens, so no items may hide there."),
        Rule(
            "attribute", "Attributes change what code means, so only those known by name are used."
        ),
        Rule("derive", "A derive is a macro, so only those of the standard library are used."),
        Rule("lint", "Some lints protect the compiler, so only those on style are switched off."),
        # What names may stand for.
        Rule("std-path", "A gene computes: paths that reach outside are not on the list."),
        Rule(
            "path-shape", "A path that climbs (`::`, `super`) or circles can hide where it leads."
        ),
        Rule("unknown-path", "A path must begin with something that this file declares or uses."),
        Rule("kernel-path", "The kernel holds descriptors and files; genes see the Agent alone."),
        Rule("crate-glob", "A crate used as a whole brings names that nobody has read."),
        Rule("hidden-name", "A name that hides a known one makes code mean another thing."),
        Rule(
            "generated-name", "Names of generated crates are not there in the agent's own folder."
        ),
        Rule("ascii-name", "Letters of other alphabets look, or count, like others."),
        Rule("gene-name", "A genome names each gene by one plain word, which is no word of Rust."),
        # What would mean another thing in a crate by itself.
        Rule("orphan-impl", "Impls on types of others are legal in one crate, not in two."),
        Rule("overlapping-impl", "Whether impls overlap, a crate may not know of another."),
        Rule("trait-name", "Traits are found by their names, which must stand in the text."),
        # What the compiler computes.
        Rule("constant-loop", "A loop in a constant can keep the compiler busy for ever."),
        Rule("array-length", "A huge array can take the compiler, or the program, all memory."),
        # What differs from run to run.
        Rule("hashed-order", "The order of hashed collections differs from run to run.", True),
        Rule("address", "An address differs from run to run.", True),
    ]
)
