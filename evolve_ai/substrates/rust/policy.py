"""Owns what a gene file may say: the allow-lists, and the hash that verdicts are keyed by."""

import hashlib

# Raise it with every change of a rule in audit.py: old verdicts are then made afresh.
RULES_VERSION = 3

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

WORDS = {
    "unsafe": "unsafe code",
    "extern": "foreign code",
    "static": "a static (state outside the agent)",
    "mod": "a module inside a gene file",
    "macro_rules!": "a macro of its own",
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


def _policy_hash() -> str:
    parts = [
        str(RULES_VERSION),
        GENERATED_PREFIX,
        LINT_PREFIX,
        str(MAX_DEPTH),
        str(MAX_LENGTH),
        *(
            ",".join(sorted(names))
            for names in (
                KERNEL_NAMES,
                RESERVED_ROOTS,
                STD_PATHS,
                PRELUDE,
                MACROS,
                ATTRIBUTES,
                LINTS,
                DERIVES,
                WORDS,
                ITEM_WORDS,
                ADDRESSES,
            )
        ),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


POLICY_HASH = _policy_hash()

POLICY = f"""\
A gene file may use the kernel as `crate::kernel::Agent`, other gene files as `crate::genes::x`,
the crates that the template depends on, by name and without their macros, and of the standard
library what computes: numbers, text, iterators, ordered collections.
Everything else is refused: files, network, processes, time, threads, the environment, unsafe and
foreign code, statics, modules (test modules too), macros of its own, conditional code, raw
pointers, visibility other than `pub`, impls on types that the file does not declare, loops in
constants, and what differs from run to run: hashed collections, addresses, and so functions that
are neither called nor passed on as closures.
Policy {POLICY_HASH[:12]}."""
