"""Lays out several programs as modules of one crate, so that what they share is compiled once.

Each is a module with all its files; `crate::` in a path becomes `crate::<module>::`. The file that
comes out is the same for all of them but for a number in it, which says whose `main` is called.
What could behave in another way there than in a crate of its own does not fit.

A compiler takes files of one name for one file, so no two programs can be compiled under the paths
that they have alone, which panics tell. They have others of as many bytes, replaced afterwards.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

MAIN = "evolve_main.rs"  # in the package
_MODULE = "evolve_p"
_ENTRY = "evolve_main"
_MARK = b"evolve: the program that is called = "
_DIGITS = 4
_TAIL = f"\npub fn {_ENTRY}() -> impl ::std::process::Termination {{ main() }}\n".encode()
# The folder of a program has a name of private characters, each of them three bytes.
_FIRST = 0xE000
_LEAST = 3
_FOLDER = re.compile("([\ue000-\uf8ff])_*/")

_TOKEN = re.compile(
    rb"""(?P<comment>//[^\n]*|/\*(?:(?!/\*|\*/).)*\*/)
    |(?P<text>[bc]?r(?P<hashes>\#*)".*?"(?P=hashes)|[bc]?"(?:\\.|[^"\\])*"
      |b?'(?:\\(?:u\{[^}]*\}|x..|.)|[^\\'\n])[\x80-\xbf]*')
    |(?P<word>(?:r\#)?[A-Za-z_][A-Za-z0-9_]*)
    |(?P<space>\s+)
    |(?P<sign>::|/\*|.)""",
    re.VERBOSE | re.DOTALL,
)
# What reaches over a whole crate, or tells which one it is.
_WORDS = frozenset(
    b"macro_export no_mangle export_name link_section linkage global_allocator panic_handler "
    b"no_main no_std proc_macro type_name type_name_of_val Backtrace Location "
    b"extern deny forbid".split()
)
_MACROS = frozenset(
    b"include include_str include_bytes env option_env module_path file column global_asm "
    b"compile_error".split()
)
_ATTRIBUTES = frozenset({b"allow", b"warn", b"doc"})

_MAIN = """\
#![allow(warnings)]
{modules}
#[used]
static mut CALLED: [u8; {size}] = *b"{mark}";

fn main() -> ::std::process::ExitCode {{
    let called = ::core::ptr::addr_of!(CALLED) as *const u8;
    let mut number = 0;
    // Byte by byte: of a whole array a compiler may think that it knows what is in there.
    for at in {size} - {digits}..{size} {{
        let one = unsafe {{ ::core::ptr::read_volatile(called.add(at)) }};
        number = number * 10 + (one - b'0') as usize;
    }}
    match number {{
{arms}
        _ => ::std::process::ExitCode::from(101),
    }}
}}
"""


def fits(sources: Mapping[str, bytes], main: str) -> bool:
    """May this program (its Rust files, `main` among them) be a module among others?"""
    if PurePosixPath(main).name != "main.rs" or len(_home(main).encode()) < _LEAST:
        return False
    return all(_fits(data, is_main=path == main) for path, data in sources.items())


def laid_out(programs: Mapping[int, Mapping[str, bytes]], main: str) -> dict[str, bytes]:
    """The files of a package for these programs, by number; all paths of a program are below the
    folder of `main`, which is main.rs."""
    found: dict[str, bytes] = {}
    for number, sources in programs.items():
        for path, data in sources.items():
            module = b"".join(_renamed(data, number))
            found[_path(path, main, number)] = module + (_TAIL if path == main else b"")
    modules = "\n".join(f'#[path = "{_path(main, main, n)}"]\nmod {_module(n)};' for n in programs)
    arms = "\n".join(
        f"        {n} => ::std::process::Termination::report({_module(n)}::{_ENTRY}()),"
        for n in programs
    )
    mark = _mark(0).decode()
    text = _MAIN.format(modules=modules, arms=arms, mark=mark, size=len(mark), digits=_DIGITS)
    return {**found, MAIN: text.encode()}


def number_of(path: str) -> int | None:
    """Whose file this is, by a path as a compiler tells it."""
    found = _FOLDER.match(path)
    return ord(found[1]) - _FIRST if found else None


def as_alone(text: str, main: str) -> str:
    """What a compiler says, without the names of modules and folders that are ours."""
    return re.sub(rf"\b{_MODULE}\d+::", "", _FOLDER.sub(f"{_home(main)}/", text))


def calling(program: bytes, number: int, paths: Collection[str], main: str) -> bytes | None:
    """The program that calls the `main` of this one, and panics with the paths of its files; None
    where the mark is not there once. It stays as long as it is: so do all places in it."""
    if program.count(_MARK) != 1:
        return None
    program = program.replace(_mark(0), _mark(number))
    for path in paths:
        program = program.replace(_path(path, main, number).encode(), path.encode())
    return program


def _mark(number: int) -> bytes:
    return _MARK + f"{number:0{_DIGITS}}".encode()


def _home(main: str) -> str:
    return str(PurePosixPath(main).parent)


def _path(path: str, main: str, number: int) -> str:
    """Where this file of the program lies, in as many bytes."""
    home = _home(main)
    folder = chr(_FIRST + number) + "_" * (len(home.encode()) - _LEAST)
    return f"{folder}/{PurePosixPath(path).relative_to(home)}"


def _module(number: int) -> str:
    return f"{_MODULE}{number}"


def _renamed(data: bytes, number: int) -> Iterator[bytes]:
    """With `crate` of paths as the module."""
    for kind, token, after in _tokens(data):
        yield token
        if kind == "word" and token == b"crate" and after == b"::":
            yield b"::" + _module(number).encode()


def _tokens(data: bytes) -> list[tuple[str, bytes, bytes]]:
    """Kind, text, and the next text that is neither space nor comment."""
    found = [(match.lastgroup or "", match[0]) for match in _TOKEN.finditer(data)]
    after, rows = b"", []
    for kind, token in reversed(found):
        kind = "text" if kind == "hashes" else kind
        rows.append((kind, token, after))
        if kind not in ("space", "comment"):
            after = token
    return rows[::-1]


def _fits(data: bytes, is_main: bool) -> bool:
    before: list[bytes] = [b"", b"", b""]
    for kind, token, after in _tokens(data):
        if kind in ("space", "comment"):
            continue
        if token == b"/*" or (kind == "word" and not _word_fits(token, after, before, is_main)):
            return False
        if before[-2:] == [b"#", b"!"] and token != b"[":
            return False
        if before[-3:] == [b"#", b"!", b"["] and token not in _ATTRIBUTES:
            return False
        before = [*before[-2:], token]
    return True


def _word_fits(token: bytes, after: bytes, before: Sequence[bytes], is_main: bool) -> bool:
    if token in _WORDS or (token in _MACROS and after == b"!"):
        return False
    if token == b"crate":
        return before[-1] != b"$" and (after == b"::" or before[-1] == b"(")
    if token == b"super":
        return not is_main and before[-1] != b"::"
    if token == b"path" or token == b"macro_use":
        return before[-1] not in (b"[", b",")
    return not token.startswith((_MODULE.encode(), _ENTRY.encode()))
