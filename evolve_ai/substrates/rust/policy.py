"""What a gene file may say: the allow-lists, and the hash that verdicts are keyed by."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version

from evolve_ai.model.audit_settings import AuditSettings
from evolve_ai.model.errors import SettingsError
from evolve_ai.model.report import Severity
from evolve_ai.substrates.rust.rules import RULES

# Raise it with every change of a rule, or of what source.py reads: verdicts are then made afresh.
RULES_VERSION = 6

# The kernel as genes see it. Everything else of it reads descriptors and writes files.
KERNEL_NAMES = frozenset({"Agent", "Vote"})

# Roots that only the language may own; nothing in a gene file may be called so.
RESERVED_ROOTS = frozenset({"std", "core", "alloc", "crate", "super", "self", "Self"})
# Names of generated crates begin so (units.py); in the agent's own folder they do not exist.
GENERATED_PREFIX = "evolve_"

_NUMBERS = [
    "f32",
    "f64",
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "isize",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "usize",
]  # modules and types
# A path in std or core is allowed when one of these is a beginning of it. HashMap and HashSet are
# missing on purpose: their order differs from run to run, and a history must not.
STD_PATHS = frozenset(
    [
        *_NUMBERS,
        "array",
        "borrow",
        "boxed",
        "cell",
        "char",
        "clone",
        "cmp",
        "collections::BTreeMap",
        "collections::BTreeSet",
        "collections::BinaryHeap",
        "collections::LinkedList",
        "collections::VecDeque",
        "collections::binary_heap",
        "collections::btree_map",
        "collections::btree_set",
        "collections::vec_deque",
        "convert",
        "default",
        *[f"fmt::{name}" for name in ("Display", "Debug", "Formatter", "Write", "Result", "Error")],
        "hash::Hash",
        "hash::Hasher",
        "iter",
        "marker",
        "mem",
        "num",
        "ops",
        "option",
        "rc",
        "result",
        "slice",
        "str",
        "string",
        "vec",
    ]
)

# What is hashed with another key in every run. (All else in collections is ordered, or names one.)
HASHED = frozenset({f"hash::{name}" for name in ("RandomState", "DefaultHasher", "BuildHasher")})

# Names that need no `use`, so that `f64::sqrt` and `Vec::new` may be written anywhere.
PRELUDE = frozenset(
    [
        *_NUMBERS,
        *[
            "bool",
            "char",
            "str",
            "Vec",
            "String",
            "Box",
            "Option",
            "Some",
            "None",
            "Result",
            "Ok",
            "Err",
        ],
        *[
            "Iterator",
            "IntoIterator",
            "DoubleEndedIterator",
            "ExactSizeIterator",
            "Extend",
            "FromIterator",
        ],
        *[
            "Clone",
            "Copy",
            "Default",
            "Drop",
            "Eq",
            "Ord",
            "PartialEq",
            "PartialOrd",
            "Send",
            "Sized",
            "Sync",
            "Unpin",
        ],
        *[
            "From",
            "Into",
            "TryFrom",
            "TryInto",
            "AsRef",
            "AsMut",
            "ToOwned",
            "ToString",
            "Fn",
            "FnMut",
            "FnOnce",
        ],
    ]
)

MACROS = frozenset(
    [
        *[
            "vec",
            "assert",
            "assert_eq",
            "assert_ne",
            "debug_assert",
            "debug_assert_eq",
            "debug_assert_ne",
        ],
        *["matches", "format", "panic", "unreachable", "todo", "unimplemented"],
        *["write", "writeln", "print", "println", "eprint", "eprintln"],
    ]
)

# Macros that no settings can allow: they read files or the environment, hold what is no Rust, or
# say where they stand, which is elsewhere in a crate of its own.
SEALED_MACROS = frozenset(
    [
        *["include", "include_str", "include_bytes", "env", "option_env", "file", "module_path"],
        *["asm", "global_asm", "naked_asm", "macro_rules", "thread_local", "dbg", "cfg"],
        *["concat_idents", "concat_bytes", "compile_error", "trace_macros", "log_syntax"],
    ]
)

ATTRIBUTES = frozenset({"derive", "inline", "allow", "must_use", "doc", "default"})
# Lints that a gene may switch off; they only find fault with how it is written.
LINTS = frozenset(
    [
        *["dead_code", "unused", "unreachable_code", "unreachable_patterns", "missing_docs"],
        *["non_snake_case", "non_camel_case_types", "non_upper_case_globals"],
    ]
)
LINT_PREFIX = "unused_"
DERIVES = frozenset(
    {"Debug", "Clone", "Copy", "PartialEq", "Eq", "PartialOrd", "Ord", "Hash", "Default"}
)

# What a macro, a derive or an attribute of a crate may not be called in a gene file.
KEPT_FROM_CRATES = MACROS | DERIVES | ATTRIBUTES

# Word -> its rule, and what it stands for.
WORDS = {
    "unsafe": ("unsafe-code", "unsafe code"),
    "extern": ("foreign-code", "foreign code"),
    "static": ("static", "a static (state outside the agent)"),
    "mod": ("nested-module", "a module inside a gene file"),
    "macro_rules!": ("own-macro", "a macro of its own"),
}

# Inside a macro the tree does not tell what is an item, so none may stand there.
ITEM_WORDS = frozenset({"#", "use", "impl", "fn", "struct", "enum", "trait", "type", "pub"})

# Methods that tell an address: it differs from run to run, and a history must not.
ADDRESSES = frozenset(
    [
        "as_ptr",
        "as_mut_ptr",
        "as_ptr_range",
        "as_mut_ptr_range",
        "into_raw",
        "addr",
        "expose_provenance",
    ]
)

# Deeper nesting than this makes compilers slow or crash.
MAX_DEPTH = 400
# Elements of an array, or copies in `[x; n]`.
MAX_LENGTH = 1_000_000


# More findings in one file than this are counted, not listed.
MAX_FINDINGS = 100


@dataclass(frozen=True, slots=True)
class Policy:
    """What differs between projects: the crates of the template, and what the settings add.

    `lowered` are the rules that only warn.
    """

    crates: frozenset[str] = frozenset()
    paths: frozenset[str] = STD_PATHS
    macros: frozenset[str] = MACROS
    lowered: frozenset[str] = frozenset()

    def severity(self, rule: str) -> Severity:
        return Severity.WARNING if rule in self.lowered else Severity.ERROR

    @property
    def more_macros(self) -> frozenset[str]:
        return self.macros - MACROS

    @property
    def hash(self) -> str:
        return _hash(self)


DEFAULT = Policy()


def policy_of(settings: AuditSettings, crates: frozenset[str] = frozenset()) -> Policy:
    """The policy of a project. SettingsError, with the reason, for what may not be allowed."""
    for path in settings.paths:
        if path.split("::")[0] not in ("std", "core"):
            raise _refused("paths", path, "is no path of the standard library", "std::…, core::…")
    for macro in settings.macros:
        if macro in SEALED_MACROS:
            reason = "can never be allowed: the audit could not see what it brings in"
            raise _refused("macros", macro, reason, "do without it")
    for rule in settings.warnings:
        if rule not in RULES:
            raise _refused("warnings", rule, "is no rule", "docs/audit.md lists all of them")
        if not RULES[rule].repeatable:
            able = ", ".join(one.id for one in RULES.values() if one.repeatable)
            reason = "cannot be lowered, since safety rests on it"
            raise _refused("warnings", rule, reason, f"these can: {able}")
    added = (path.partition("::")[2] for path in settings.paths)
    return Policy(
        crates,
        STD_PATHS.union(added),
        MACROS.union(settings.macros),
        frozenset(settings.warnings),
    )


def _refused(key: str, said: str, reason: str, todo: str) -> SettingsError:
    return SettingsError(f"audit.{key}: {said} {reason}", where="evolve.toml", todo=todo)


@lru_cache(maxsize=16)
def _hash(policy: Policy) -> str:
    lists = (
        KERNEL_NAMES,
        RESERVED_ROOTS,
        HASHED,
        PRELUDE,
        ATTRIBUTES,
        LINTS,
        DERIVES,
        WORDS,
        ITEM_WORDS,
        ADDRESSES,
        RULES,
        policy.crates,
        policy.paths,
        policy.macros,
        policy.lowered,
    )
    numbers = (RULES_VERSION, GENERATED_PREFIX, LINT_PREFIX, MAX_DEPTH, MAX_LENGTH)
    parser = version("tree-sitter-rust")
    parts = [parser, *map(str, numbers), *(",".join(sorted(names)) for names in lists)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


POLICY_HASH = DEFAULT.hash

POLICY = f"""\
A gene file may use the kernel as `crate::kernel::Agent`, other gene files as `crate::genes::x`,
the crates that the template depends on, by name and without their macros, and of the standard
library what computes: numbers, text, iterators, ordered collections.
Everything else is refused: files, network, processes, time, threads, the environment, unsafe and
foreign code, statics, modules (test modules too), macros of its own, conditional code, raw
pointers, visibility other than `pub`, impls on types that the file does not declare, loops in
constants, functions that are neither called nor passed on as closures, associated types of type
parameters, and what differs from run to run: hashed collections, and addresses.
Policy {POLICY_HASH[:12]}."""
