"""Programs as modules of one crate: which fit, and what becomes of their text."""

import pytest

from evolve_ai.substrates.rust import together

MAIN = "src/main.rs"
FITTING = [
    b"//! Words of the file.\n#![allow(dead_code)]\nmod a;\nuse crate::a::b;\nfn main() {}",
    b"pub(crate) fn f() {} fn main() { let path = std::env::args(); }",
    b'fn main() { let s = "super:: env!() \\" #![no_std]"; let r = r#"a " crate::x"#; }',
    b"fn f<'a>(x: &'a str) -> char { '\\'' } fn main() { let q = '\"'; /* super::x */ }",
    b"use ::std::io; fn main() -> Result<(), String> { Ok(()) }",
]
OTHERS = [
    b"#![no_main]\n",
    b"#![feature(test)]\n",
    b"#!/usr/bin/env run\nfn main() {}",
    b"#[no_mangle] pub fn f() {}",
    b"#[macro_export] macro_rules! m { () => {} }",
    b"macro_rules! m { () => { $crate::f() } }",
    b'#[path = "x.rs"] mod x;',
    b"#[macro_use] mod x;",
    b"extern crate alloc;",
    b"fn main() { super::f() }",
    b"use crate as me;",
    b'fn main() { println!("{}", env!("HOME")) }',
    b'fn main() { println!("{}", module_path!()) }',
    b'const X: &str = include_str!("x");',
    b"#![deny(warnings)]",
    b"/* a /* nested */ comment */",
    b"fn main() { std::any::type_name::<u8>(); }",
    b"fn evolve_main() {}",
]


@pytest.mark.parametrize("text", FITTING)
def test_program_without_words_for_a_whole_crate_fits(text: bytes) -> None:
    assert together.fits({MAIN: text}, MAIN)


@pytest.mark.parametrize("text", OTHERS)
def test_program_that_would_behave_otherwise_does_not_fit(text: bytes) -> None:
    assert not together.fits({MAIN: text}, MAIN)


def test_module_may_name_the_one_above_and_no_more() -> None:
    main = b"mod a; fn main() {}"
    assert together.fits({MAIN: main, "src/a.rs": b"use super::main;"}, MAIN)
    assert not together.fits({MAIN: main, "src/a.rs": b"use super::super::x;"}, MAIN)


def test_paths_from_the_root_lead_to_the_module_and_lines_stay() -> None:
    text = b'use crate::a::b;\n// crate::c\nfn main() { crate :: d("crate::e"); }'
    laid = together.laid_out({7: {MAIN: text, "src/a.rs": b""}}, MAIN)
    own = laid["\ue007/main.rs"]
    assert own.startswith(
        b"use crate::evolve_p7::a::b;\n// crate::c\n"
        b'fn main() { crate::evolve_p7 :: d("crate::e"); }\n'
    )
    assert own.count(b"fn evolve_main()") == 1
    assert laid["\ue007/a.rs"] == b""
    assert '#[path = "\ue007/main.rs"]\nmod evolve_p7;'.encode() in laid[together.MAIN]


def test_each_program_is_the_same_file_with_another_number() -> None:
    laid = together.laid_out({0: {MAIN: b""}, 31: {MAIN: b""}}, MAIN)
    mark = laid[together.MAIN].split(b'*b"')[1].split(b'"')[0]
    program = b"\x7fELF" + mark + b"..."
    called = together.calling(program, 31, [MAIN], MAIN)
    assert called is not None and len(called) == len(program)
    assert called != together.calling(program, 0, [MAIN], MAIN) == program
    assert together.calling(program + mark, 31, [MAIN], MAIN) is None


def test_panics_tell_the_paths_of_a_crate_of_its_own() -> None:
    main = "some/where/main.rs"
    laid = together.laid_out({2: {main: b""}, 3: {main: b""}}, main)
    mine, other = [path.encode() for path in laid if path.endswith("/main.rs")]
    mark = laid[together.MAIN].split(b'*b"')[1].split(b'"')[0]
    told = together.calling(mark + mine + other, 2, [main], main)
    assert told is not None and told.endswith(main.encode() + other)


def test_errors_are_told_as_of_a_crate_of_its_own() -> None:
    assert together.number_of("\ue00c/a/b.rs") == 12
    assert together.number_of("src/lib.rs") is None
    told = "\ue003/a.rs:1: no `evolve_p3::a::x` in `crate::evolve_p3::a`"
    assert together.as_alone(told, MAIN) == "src/a.rs:1: no `a::x` in `crate::a`"
