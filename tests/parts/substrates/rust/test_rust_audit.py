"""Tests of the audit: what a gene file may not say, however it is written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolve_ai.substrates.rust.policy import POLICY, POLICY_HASH
from evolve_ai.substrates.rust.source import read_source

HEAD = "use crate::kernel::Agent;\n"


def verdict(code: str) -> str | None:
    report = read_source("src/genes/x.rs", (HEAD + code).encode())
    assert report.syntax_error is None, report.syntax_error
    return report.audit_error


def body(code: str) -> str:
    return f"pub fn run(agent: &mut Agent) {{ {code} }}\n"


ATTACKS = {
    "use of std::fs": "use std::fs;",
    "use inside a function": body("use std::fs::File;"),
    "nested braces": "use std::{cmp::{Ordering}, net::{self, TcpStream}};",
    "glob of std": "use std::*;",
    "glob of hashed collections": "use std::collections::*;",
    "whole std by another name": "use std as calm;",
    "alias of a forbidden module": "use std::process as f64s;",
    "alias that hides a root": "use std::f64 as std;",
    "alias of an allowed one, then out": "use std::f64 as fs;\nuse fs::super::x;",
    "leading colons": body('::std::fs::read("x");'),
    "leading colons in use": "use ::std::env;",
    "leading colons after a comparison": body("let _ = 1.0 > ::std::process::id() as f64;"),
    "the same in a macro": body("assert!(1.0 > ::std::process::id() as f64);"),
    "inline path": body('let _ = std::fs::read("x");'),
    "path with comments and breaks": body('let _ = std /* calm */ ::\n fs // x\n :: read("x");'),
    "raw identifier": body('let _ = r#std::fs::read("x");'),
    "core::arch": body("core::arch::x86_64::_rdtsc();"),
    "alloc": "use alloc::vec::Vec;",
    "type position": "pub struct S { file: Option<std::fs::File> }",
    "generic argument": body("let _ = Vec::<std::fs::File>::new();"),
    "qualified path": body("let _ = <std::time::Instant>::now();"),
    "as trait": body('let _ = <str as std::net::ToSocketAddrs>::to_socket_addrs("x");'),
    "function pointer type": "pub type F = fn() -> std::fs::File;",
    "trait bound": "pub fn f<T: std::os::fd::AsFd>(_: T) {}",
    "path in a macro": body('let _ = vec![std::fs::read("x")];'),
    "path in a nested macro": body('println!("{:?}", vec![(std::env::args())]);'),
    "path in format arguments": body('println!("{}", x = std::process::id());'),
    "unknown root": body("let _ = libc::getpid();"),
    "extern prelude by use": "use libc::getpid;",
    "extern prelude as a whole": "use libc;\n" + body("let _ = libc::getpid();"),
    "extern prelude in braces": "use libc::{self};",
    "kernel life": body("crate::kernel::life::start();"),
    "kernel live": "use crate::kernel::live;",
    "kernel glob": "use crate::kernel::*;",
    "kernel itself": "use crate::kernel;",
    "kernel by self in braces": "use crate::kernel::{self};",
    "crate itself": "use crate as c;",
    "genes glob": "use crate::genes::*;",
    "genes itself": "use crate::genes;",
    "super": "use super::momentum;",
    "super path": body("super::momentum::inertia(agent);"),
    "self super": body("self::super::momentum::inertia(agent);"),
    "bare genes": body("genes::momentum::inertia(agent);"),
    "pub(crate) use": "pub(crate) use std::f64;",
    "unsafe block": body("unsafe { }"),
    "unsafe fn": "pub unsafe fn f() {}",
    "unsafe impl": "pub struct S;\nunsafe impl Send for S {}",
    "unsafe in a macro": body("let _ = vec![unsafe { 1 }];"),
    "extern block": 'extern "C" { fn getpid() -> i32; }',
    "extern fn": 'pub extern "C" fn f() {}',
    "extern crate": "extern crate std as s;",
    "extern fn type": 'pub type F = extern "C" fn();',
    "static": "static COUNT: u64 = 0;",
    "static mut": "static mut COUNT: u64 = 0;",
    "static in a function": body("static X: f64 = 1.0;"),
    "thread_local": "thread_local! { static X: u64 = 0; }",
    "module": "mod hidden { }",
    "module in another file": '#[path = "/etc/passwd"] mod hidden;',
    "test module": "#[cfg(test)] mod tests { }",
    "macro_rules": 'macro_rules! m { () => { std::fs::read("x") } }',
    "macro_rules in a function": body("macro_rules! m { () => { } }"),
    "include": 'include!("/etc/passwd");',
    "include_str": 'pub const X: &str = include_str!("/etc/passwd");',
    "include_bytes in a macro": body('println!("{:?}", include_bytes!("/etc/passwd"));'),
    "include by path": body('let _ = std::include_str!("/etc/passwd");'),
    "env": 'pub const X: &str = env!("HOME");',
    "option_env in vec": body('let _ = vec![option_env!("HOME")];'),
    "asm": body('core::arch::asm!("nop");'),
    "concat": 'pub const X: &str = concat!("a", "b");',
    "macro with braces and a break": body('include_str\n!\n{ "x" };'),
    "compile_error": 'compile_error!("no");',
    "no_mangle": "#[no_mangle]\npub fn malloc() {}",
    "export_name": '#[export_name = "malloc"]\npub fn f() {}',
    "unsafe attribute": "#[unsafe(no_mangle)]\npub fn f() {}",
    "link": '#[link(name = "c")]\nextern "C" {}',
    "link_section": '#[link_section = ".init_array"]\npub const F: u8 = 1;',
    "cfg": "#[cfg(debug_assertions)]\npub fn f() {}",
    "cfg_attr": "#[cfg_attr(all(), no_mangle)]\npub fn f() {}",
    "inner feature": "#![feature(asm)]",
    "deny lints": "#![deny(warnings)]",
    "doc from a file": '#[doc = include_str!("/etc/passwd")]\npub fn f() {}',
    "test": "#[test]\nfn f() {}",
    "foreign derive": "#[derive(Serialize)]\npub struct S;",
    "attribute in a macro": body("let _ = vec![#[cfg(test)] 1];"),
    "inherent impl on the agent": "impl Agent { pub fn hack(&self) {} }",
    "impl on the agent by a twin": body("struct Agent;") + "impl Agent { }",
    "impl on another gene's type": "use crate::genes::y::T;\nimpl T { }",
    "trait for a foreign type": "pub trait T {}\nimpl T for f64 {}",
    "trait for all types": "pub trait T {}\nimpl<X> T for X {}",
    "trait for a reference": "pub struct S;\npub trait T {}\nimpl T for &S {}",
    "impls that may overlap": (
        "use crate::genes::y::Y;\npub struct S<T>(T);\npub trait B {}\n"
        "impl<T: B> S<T> { fn f() {} }\nimpl S<Y> { fn f() {} }"
    ),
    "pub(crate)": "pub(crate) fn f() {}",
    "pub(super)": "pub(super) fn f() {}",
    "pub(in path)": "pub(in crate::genes) fn f() {}",
    "pub(crate) field": "pub struct S { pub(crate) x: f64 }",
    "raw pointer type": body("let x = 1; let _ = &x as *const i32 as usize;"),
    "raw borrow": body("let x = 1; let _ = &raw const x;"),
    "address of a vector": body("let _ = vec![1].as_ptr() as usize;"),
    "address in a format": body('println!("{:p}", &1);'),
    "address in a padded format": body('println!("{0:>#18p}", &1);'),
    "hash map": "use std::collections::HashMap;",
    "hash set inline": body("let _ = std::collections::HashSet::<u8>::new();"),
    "random state": body("let _ = std::hash::RandomState::new();"),
    "time": body("let _ = std::time::SystemTime::now();"),
    "thread": body("std::thread::spawn(|| {});"),
    "stdin": body("let _ = std::io::stdin();"),
    "panic hook": body("std::panic::set_hook(Box::new(|_| {}));"),
    "type named std": "pub struct std;",
    "type parameter named core": "pub fn f<core>(_: core) {}",
    "generated crates": body("evolve_unit_0::genes::x::y(agent);"),
    "circle of aliases": "use b as a;\nuse a as b;\npub fn f() { a::x(); }",
    "alias chain to std": "use std::cmp;\nuse cmp::super::fs;",
    "self of std": "use std::fmt::{self, Write};\nuse std::{self};",
    "use inside a macro": body("let _ = vec![{ use std::{fs}; 1 }];"),
    "impl inside a macro": body("let _ = vec![{ impl Agent { fn x() {} } 1 }];"),
    "item inside a macro": body("let _ = vec![{ pub(crate) fn f() {} 1 }];"),
    "after a quote in a char": body("let _ = '\"'; std::fs::read(\"x\"); let _ = '\"';"),
    "after a quote in a byte": body("let _ = b'\"'; std::fs::read(\"x\"); let _ = b'\"';"),
    "after an escaped quote": body("let _ = '\\''; std::fs::read(\"x\"); let _ = '\\'';"),
    "after a raw string": body('let _ = r"\\"; std::fs::read("x"); let _ = "";'),
    "after a raw string with marks": body('let _ = r#"""#; std::fs::read("x"); let _ = "";'),
    "after a raw byte string": body('let _ = br"\\"; std::fs::read("x"); let _ = "";'),
    "after a C string": body('let _ = c"\\""; std::fs::read("x"); let _ = "";'),
    "after a raw C string": body('let _ = cr"\\"; std::fs::read("x"); let _ = "";'),
    "after a comment in a comment": body('/* /* */ */ std::fs::read("x"); /* */'),
    "after a comment that ends in stars": body('/***/ std::fs::read("x"); /**/'),
    "after a line comment with a return": body('// x\r\nstd::fs::read("x");\n'),
    "quote in a lifetime's place": body('let f: &\'static str = ""; std::fs::read("x"); \'"\';'),
    "name that is not ASCII": "pub fn caf\u00e9() {}",
    "deep nesting": body("(" * 500 + "1" + ")" * 500 + ";"),
    "trait name from a variable": body('let name = "a"; agent.trait_in(name, 0.0, 1.0);'),
    "trait as a function": body('Agent::trait_in(agent, "a", 0.0, 1.0);'),
}

HARMLESS = {
    "plain gene": body("agent.value += 1.0;"),
    "kernel vote": "use crate::kernel::{Agent as A, Vote};\n"
    "pub fn f(_: &A) -> Option<Vote> { None }",
    "primitive functions": body("let _ = f64::sqrt(2.0) + f64::MAX + f64::from(u8::MAX);"),
    "prelude types": body("let _: Vec<String> = Vec::new(); let _ = Option::Some(1); Box::new(1);"),
    "std paths": body("let _ = std::mem::take(&mut vec![1]); std::f64::consts::PI;"),
    "std modules": "use std::collections::{BTreeMap, VecDeque};\nuse std::fmt::{self, Write as _};",
    "module alias": "use std::f64::consts as c;\npub fn f() -> f64 { c::PI }",
    "local enum": "#[derive(Clone, Copy, PartialEq)]\npub enum K { A, B }\nuse K::*;\n"
    "pub fn f(k: K) -> bool { k == K::A || matches!(k, B if !(1 > 2)) }",
    "local types": "pub struct S<T> { x: T }\n"
    "impl<T: Copy> S<T> { pub fn new(x: T) -> Self { S { x } } "
    "pub fn get(&self) -> T { self.x } }\npub fn f() -> u8 { S::new(1u8).get() }",
    "trait for a local type": "pub struct S;\nimpl std::fmt::Display for S { fn fmt(&self, f: "
    '&mut std::fmt::Formatter<\'_>) -> std::fmt::Result { write!(f, "s") } }',
    "local trait": "pub trait T { fn t(&self) -> f64; }\npub struct S;\nimpl T for S { fn t(&self) "
    "-> f64 { 1.0 } }\npub fn f<X: T>(x: &X) -> f64 { T::t(x) }",
    "other genes": "use crate::genes::{a, b::{self, Thing}};\npub fn f() { a::x(); b::y(); "
    "Thing::new(); crate::genes::c::z(); }",
    "macros": body(
        'let v = vec![1, 2]; assert!(!v.is_empty()); assert_ne!(1, 2); println!("{v:?}");'
    ),
    "negation in a macro": body("assert!(if true { !(false) } else { !(true) });"),
    "turbofish": body('let _ = (1..3).map(f64::from).sum::<f64>(); "1".parse::<f64>().ok();'),
    "lifetimes": "pub fn f<'a>(x: &'a str) -> &'static str { let _ = x; \"a\" }",
    "loop labels": body("'outer: loop { break 'outer; }"),
    "constants": "pub const N: usize = 4;\npub const T: [f64; N] = [0.0; N];",
    "closures and const fn": "const fn two() -> u8 { 2 }\npub fn f() -> u8 { (|x| x + two())(1) }",
    "attributes": '#![allow(dead_code)]\n#[inline]\n#[must_use]\n#[doc = "x"]\n'
    "pub fn f() -> u8 { 1 }",
    "words in strings": body('println!("unsafe static std::fs::read {{}}");'),
    "words in comments": "// unsafe { std::fs::read }\n/* extern crate libc; */ " + body(""),
    "star of a product": body("let k = 2.0; agent.value = agent.value *k;"),
    "ranges": body("for i in 0..usize::MAX { let _ = i..=u64::MAX as usize; }"),
    "sort by path": body("let mut v = vec![1.0]; v.sort_by(f64::total_cmp);"),
    "cells": "use std::cell::RefCell;\nuse std::rc::Rc;\npub fn f() { Rc::new(RefCell::new(1)); }",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_is_refused(name: str) -> None:
    assert verdict(ATTACKS[name]) is not None


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_code_is_allowed(name: str) -> None:
    assert verdict(HARMLESS[name]) is None


@pytest.mark.parametrize("mark", ["\0", "\x0c", "\x7f", "\u202e", "\u200e", "\u2028", "\ufeff"])
def test_control_character_is_refused_even_in_a_comment(mark: str) -> None:
    report = read_source("src/genes/x.rs", f"// one\n// {mark}\n".encode())
    assert (report.syntax_error or "").startswith("line 2: ")


def test_verdict_names_the_first_line() -> None:
    error = verdict("\n\nuse std::fs;\nstatic X: u8 = 1;\n")
    assert error is not None
    assert error.startswith("line 4: `std::fs` is not allowed")


def test_hashed_collections_are_refused_with_what_to_use() -> None:
    assert "BTreeMap" in (verdict("use std::collections::HashMap;") or "")


def test_policy_tells_its_hash() -> None:
    assert POLICY_HASH[:12] in POLICY


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_reading_never_raises_for_bytes(code: bytes) -> None:
    read_source("src/genes/x.rs", code)


SCRAP = (
    "use std :: fs { } ( ) < > crate kernel genes Agent fn pub ! # [ ] ; , as self super mod "
    'unsafe \'a "x" -> : impl for struct S trait_in . & mut * vec! r#std'
)
PIECES = st.sampled_from(SCRAP.split())


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=30))
def test_reading_never_raises_for_scraps_of_rust(pieces: list[str]) -> None:
    read_source("src/genes/x.rs", " ".join(pieces).encode())


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["fs::read", "net::TcpStream::connect", "process::exit", "env::var"]),
    st.lists(
        st.sampled_from(["vec![%s]", "(%s)", "Some(%s)", "{ %s }", "if true { %s }"]), max_size=6
    ),
    st.sampled_from(["::", " :: ", "::/**/", "\n::"]),
)
def test_forbidden_path_is_found_however_deep(path: str, around: list[str], joint: str) -> None:
    code = joint.join(["std", *path.split("::")]) + '("x")'
    for shape in around:
        code = shape % code
    assert verdict(body(f"let _ = {code};")) is not None
