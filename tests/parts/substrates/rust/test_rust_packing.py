"""Tests of packing: one file means what many have meant, or all stays as it is."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from rust_support import TEMPLATE, copy_template

from evolve_ai.substrates.rust.packing import packed
from evolve_ai.substrates.rust.pool import read_pool
from evolve_ai.system.agent_folder import SOURCE_LIMIT

LIBRARY, ROOT = "src/lib.rs", "src/kernel/mod.rs"

# Everything that a module may be: nested, in a folder, with attributes, named by a word of Rust.
NESTED = {
    LIBRARY: b"//! A library.\npub mod kernel;\n",
    ROOT: b"""//! The kernel.
#![allow(dead_code)]

#[macro_use]
mod macros;
/// Told from outside,
pub mod outer; // and here.
pub(in crate::kernel) mod r#type;
pub mod inline {
    pub mod deep;
    pub fn here() -> &'static str {
        module_path!()
    }
}
pub fn told() -> String {
    format!("{} {} {} {}", outer::told(), r#type::NUMBER, inline::deep::told(), inline::here())
}
""",
    "src/kernel/macros.rs": b"macro_rules! seven {\n    () => {\n        7\n    };\n}\n",
    "src/kernel/outer.rs": b"""//! and from inside.
mod inner;
pub use inner::*;
#[cfg(windows)]
mod elsewhere;
const RAW: &str = r#"
mod no_module; } "
"#;
pub fn told() -> String {
    let line = RAW.lines().count();
    format!("{} {line} {}", super::r#type::NUMBER, shown())
}
// Ends without a new line: }""",
    "src/kernel/outer/inner.rs": b"pub fn shown() -> &'static str {\n    module_path!()\n}\n",
    "src/kernel/type.rs": b"pub const NUMBER: i32 = seven!();\n",
    "src/kernel/inline/deep/mod.rs": b"mod deeper;\npub use deeper::told;\n",
    "src/kernel/inline/deep/deeper.rs": b"""pub fn told() -> i32 {
    super::super::super::r#type::NUMBER + 1
}
""",
}
MAIN = b'fn main() {\n    println!("{}", library::kernel::told());\n}\n'


def output(folder: Path, files: Mapping[str, bytes]) -> str:
    """What a program says that is compiled with this library."""
    for name, data in {**files, "src/main.rs": MAIN}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    rustc = ("rustc", "--edition=2021", "-Dwarnings", "--out-dir", str(folder))
    library = ("--crate-name", "library", "--crate-type", "rlib", str(folder / LIBRARY))
    subprocess.run([*rustc, *library], check=True)
    found = ("--extern", f"library={folder / 'liblibrary.rlib'}")
    subprocess.run([*rustc, *found, str(folder / "src/main.rs")], check=True)
    return subprocess.run([str(folder / "main")], check=True, capture_output=True, text=True).stdout


def test_one_file_means_what_many_have_meant(tmp_path: Path) -> None:
    one = packed(NESTED, LIBRARY)
    assert list(one) == [LIBRARY]
    assert all(data.strip() in one[LIBRARY] for name, data in NESTED.items() if "type" in name)
    said = output(tmp_path / "one", one)
    assert said == output(tmp_path / "many", NESTED)
    assert said == "7 2 library::kernel::outer::inner 7 8 library::kernel::inline\n"


def test_kernel_of_the_template_is_packed_byte_by_byte() -> None:
    pool = read_pool(TEMPLATE)
    assert list(pool.fixed) == [LIBRARY]
    names = [path.relative_to(TEMPLATE).as_posix() for path in TEMPLATE.glob("src/kernel/*.rs")]
    assert sorted(pool.unpacked) == sorted([LIBRARY, *names])
    for name in names:
        text = pool.unpacked[name]
        assert name == ROOT or b" {\n" + text + b"}\n" in pool.fixed[LIBRARY]


def with_kernel(text: bytes, **more: bytes) -> dict[str, bytes]:
    files = {f"src/kernel/{name}.rs": data for name, data in more.items()}
    return {LIBRARY: b"pub mod kernel;\n", ROOT: text, **files}


UNSAFE = {
    "path": with_kernel(b'#[path = "b.rs"]\nmod a;\n', b=b""),
    "path by condition": with_kernel(b'#[cfg_attr(unix, path = "b.rs")]\nmod a;\n', a=b""),
    "include": with_kernel(b'mod a;\ninclude!("b.rs");\n', a=b""),
    "include below": with_kernel(b"mod a;\n", a=b'const A: &str = include_str!("../lib.rs");\n'),
    "include renamed": with_kernel(b"mod a;\nuse std::include_bytes as b;\n", a=b""),
    "line": with_kernel(b"mod a;\n", a=b"pub const LINE: u32 = line!();\n"),
    "line in a macro": with_kernel(b"mod a;\n", a=b'fn a() { println!("{}", core::line ! ()); }\n'),
    "line renamed": with_kernel(b"mod a;\nuse std::line as number;\n", a=b""),
    "no module": with_kernel(b"mod a;\n", a=b"", b=b""),
    "other files": {**with_kernel(b"mod a;\n", a=b""), "src/kernel/notes.md": b"Notes.\n"},
    "declared twice": with_kernel(b"#[cfg(unix)]\nmod a;\n#[cfg(windows)]\nmod a;\n", a=b""),
    "two files": {**with_kernel(b"mod a;\n", a=b""), "src/kernel/a/mod.rs": b""},
    "in a macro": with_kernel(b"macro_rules! m { () => { mod a; } }\nm!();\n", a=b""),
    "in a function": with_kernel(b"fn f() {\n    mod a;\n}\n", a=b""),
    "byte order mark": with_kernel(b"mod a;\n", a=b"\xef\xbb\xbf// A.\n"),
    "shebang": with_kernel(b"mod a;\n", a=b"#!/usr/bin/env rust\n"),
    "too large": with_kernel(b"mod a;\n", a=b"//" + b"a" * SOURCE_LIMIT + b"\n"),
}


@pytest.mark.parametrize("name", UNSAFE)
def test_what_could_mean_something_else_stays_in_its_files(name: str) -> None:
    assert packed(UNSAFE[name], LIBRARY) == UNSAFE[name]


def test_words_alone_hinder_nobody() -> None:
    text = b'// include!("a"), on a line!\nlet_path!(path = 1);\nconst A: &str = "file!()";\n'
    assert list(packed(with_kernel(b"#![allow(unused)]\nmod a;\n", a=text), LIBRARY)) == [LIBRARY]


def test_kernel_that_is_not_packed_is_in_agents_as_in_the_template(tmp_path: Path) -> None:
    template = copy_template(tmp_path / "template")
    (template / "src/kernel/notes.md").write_text("Notes.\n")
    pool = read_pool(template)
    assert len(pool.fixed) == 4
    assert pool.unpacked == {}
    assert pool.as_in_template == pool.fixed
