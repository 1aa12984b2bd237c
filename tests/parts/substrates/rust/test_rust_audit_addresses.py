"""Tests of the audit: no address shows, and the compiler is given no endless work."""

import time

import pytest

from evolve_ai.substrates.rust.source import read_source

HEAD = "use crate::kernel::Agent;\n"
G = "fn g(agent: &mut Agent) { agent.rest(); }\nfn h(x: f64) -> f64 { x }\n"


def verdict(code: str) -> str | None:
    report = read_source("src/genes/x.rs", (HEAD + code).encode())
    assert report.syntax_error is None, report.syntax_error
    return report.audit_error


def body(code: str) -> str:
    return f"{G}pub fn run(agent: &mut Agent) {{ {code} }}\n"


ADDRESSES = {
    "cast": body("let a = (g as usize) >> 12;"),
    "cast of a block": body("let a = { g } as usize;"),
    "cast to a pointer": body("let a = g as fn(&mut Agent) as usize;"),
    "pointer type": body("let f: fn(f64) -> f64 = |x| x;"),
    "pointer in a struct": "pub struct S(fn(f64) -> f64);",
    "pointer in a generic": body("let v: Vec<fn(f64) -> f64> = Vec::new();"),
    "variable": body("let f = h; f(1.0);"),
    "array": body("let v = [h, h];"),
    "argument": body("agent.vote(h);"),
    "generic": "fn k<T>(x: T) -> T { x }\npub fn f() { let _ = k::<u8> as usize; }",
    "macro": body("let v = vec![h, h];"),
    "macro and cast": body("assert!(h as usize > 1);"),
    "generic in a macro": "fn k<T>(x: T) -> T { x }\npub fn f() { assert!(k::<u8> as usize > 1); }",
    "debug": body('let _ = format!("{:?}", h);'),
    "own initial": body("let h = h;"),
    "variable of another block": body("{ let h = 1; } let a = h as usize;"),
    "function in a function": body("let h = 1; fn inner() -> usize { h as usize }"),
    "by self": body("let a = self::h as usize;"),
    "other gene": body("let a = crate::genes::x::f as usize;"),
    "other gene as an argument": body("agent.vote(crate::genes::x::f);"),
    "imported gene": "use crate::genes::x::f as q;\npub fn z() -> usize { q as usize }",
    "imported module": "use crate::genes::x;\npub fn z() -> usize { x::f as usize }",
    "glob of a gene": "use crate::genes::x::*;\npub fn z() -> usize { f as usize }",
    "of std": body("let a = f64::max as usize;"),
    "of std by use": "use std::mem::swap;\npub fn z() { let _ = swap::<u8> as usize; }",
    "of std in an array": body("let v = [f64::max, f64::min];"),
    "of std in a vec": body("let v = vec![f64::max, f64::min];"),
    "of std in a match": body("let f = match 1 { 1 => f64::max, _ => f64::min };"),
    "method": "pub struct S;\nimpl S { fn M() {} }\npub fn z() -> usize { S::M as usize }",
    "tuple struct": "pub struct S(u8);\npub fn z() -> usize { S as usize }",
    "tuple variant": "pub enum E { A(u8), B(u8) }\npub fn z() { let _ = [E::A, E::B]; }",
    "tuple variant cast": "pub enum E { A(u8) }\npub fn z() -> usize { E::A as usize }",
    "variant of std": body("let a = Some::<u8> as usize;"),
    "variant of std by path": body("let a = Option::Some::<u8> as usize;"),
    "closures in an array": body("let v = [|x: f64| x, |x: f64| x + 1.0];"),
    "closures in branches": body("let f = if true { |x: f64| x } else { |x: f64| x + 1.0 };"),
    "closures in arms": body("let f = match 1 { 1 => |x: f64| x, _ => |x: f64| x + 1.0 };"),
    "Pointer": "pub struct S<'a>(&'a u8);\nimpl std::fmt::Debug for S<'_> { fn fmt(&self, f: &mut "
    "std::fmt::Formatter<'_>) -> std::fmt::Result { std::fmt::Pointer::fmt(&self.0, f) } }",
    "Pointer by use": "use std::fmt::Pointer;",
    "Pointer by its module": "use std::fmt;\npub fn f<T: fmt::Pointer>(_: T) {}",
    "Pointer by an alias": "use core::fmt as q;\nuse q::Pointer;",
    "Pointer by a glob": "use std::fmt::*;",
    "format": body('println!("{:p}", &1);'),
    "format and a space": body('println!("{:p }", &1);'),
    "format and a line": body('println!("{:p\n}", &1);'),
    "format and an escaped line": body('println!("{:p\\n}", &1);'),
    "format by a number": body('println!("{:\\u{70}}", &1);'),
    "format by a long number": body('println!("{:\\u{000070}}", &1);'),
    "format by a byte": body('println!("{:\\x70}", &1);'),
    "brace by a byte": body('println!("\\x7b:p\\x7d", &1);'),
    "format over two lines": body('println!("{:\\\n   p}", &1);'),
    "format in a raw string": body('println!(r"{:p }", &1);'),
}
COMPILER = {
    "endless lint": "#[allow(long_running_const_eval)]\npub const X: u32 = 1;",
    "endless lint among others": "#![allow(dead_code, long_running_const_eval)]",
    "all lints": "#![allow(warnings)]",
    "loop": "pub const X: u32 = { let mut n = 0; loop { n += 1; if n > 9 { break n; } } };",
    "while": "pub const X: u32 = { let mut n = 0; while n < 9 { n += 1; } n };",
    "for": "const fn f() -> u32 { for _ in 0..9 {} 1 }",
    "loop in a const fn": "pub const fn f() -> u32 { loop {} }",
    "loop in a constant of an impl": "pub struct S;\nimpl S { const X: u32 = { loop {} }; }",
    "loop in a const block": body("let _ = const { loop {} };"),
    "loop in a length": "pub type T = [u8; { loop {} }];",
    "loop in a variant": "pub enum E { A = { loop {} } }",
    "type": "pub type T = [u8; 1_000_001];",
    "hexadecimal": "pub type T = [u8; 0xffff_ffffusize];",
    "product": "pub type T = [u8; 2000 * 1000];",
    "number of many digits": "pub type T = [u8; " + "9" * 100 + "];",
    "squares of squares": "const A: usize = B * B;\nconst B: usize = C * C;\n"
    "const C: usize = 1 << 99;\npub type T = [u8; A];",
    "shift": "pub type T = [u8; 1 << 40];",
    "by a constant": "const N: usize = 2_000_000;\npub type T = [u8; N];",
    "repeat": body("let _ = [0u8; 5_000_000usize];"),
    "repeat in a macro": body("let _ = vec![0; 99999999];"),
}
HARMLESS = {
    "hidden by a variable": body("let h = h(1.0); let _ = vec![h; 2]; let _ = [h, h + 1.0];"),
    "hidden by a parameter": G + "pub fn f(h: f64) -> f64 { h as usize as f64 }",
    "hidden by a closure": body("let _ = [1.0].iter().map(|&h| h + 1.0).sum::<f64>();"),
    "hidden by a loop": body("for h in 0..3 { let _ = h as usize; }"),
    "hidden by an arm": body("let _ = match Some(1) { Some(h) if h > 1 => h, _ => 0 };"),
    "hidden by a condition": body("if let Some(h) = Some(1) { let _ = h; }"),
    "hidden by a pattern": body(
        "let (h, _) = (1, 2); while let Some((h, _)) = None { let _ = h; }"
    ),
    "called": body("h(1.0); self::h(1.0); (h)(2.0); assert!(h(1.0) > h(2.0)); g(agent);"),
    "field and method": "pub struct S { h: u8 }\nimpl S { pub fn h(&self) -> u8 { self.h } }\n"
    "pub fn h() -> S { let h = 1; S { h } }\npub fn k() -> u8 { S { h: 1 }.h() + h().h }",
    "passed": body("let _ = [1u8].iter().copied().map(f64::from).fold(0.0, f64::max);"),
    "passed in a macro": body("assert!([1.0].iter().copied().fold(0.0, f64::max) > 0.0);"),
    "builders passed": "pub struct S(u8);\npub fn f() { let _ = Some(1).map(S); "
    "let _ = Some(1).map(Some); }",
    "closure bound": "pub fn f() -> f64 { let k = |x: f64| x; k(1.0) }",
    "trait of a closure": "pub fn f(k: impl Fn(f64) -> f64) -> f64 { k(1.0) }\n"
    "pub fn z(k: Box<dyn Fn(f64) -> f64>) -> f64 { k(1.0) }",
    "variant cast": "pub enum E { A, Bee }\n"
    "pub fn f() -> usize { E::A as usize + E::Bee as usize }",
    "constant cast": body("let _ = u64::MAX as usize; let _ = std::f64::consts::PI as u8;"),
    "formats": body('println!("{:?} {:>5.1} {:e} \\x41 {{ \\u{41} }} p", 1, 2.0, 3.0);'),
    "fmt": "use std::fmt::{self, Debug, Write as _};\npub struct S;\nimpl fmt::Display for S { fn "
    'fmt(&self, f: &mut fmt::Formatter<\'_>) -> fmt::Result { f.write_str("s") } }\n'
    "pub fn f<T: Debug>(_: T) {}",
    "lints": "#![allow(dead_code, unused_variables, unused, non_snake_case)]\n",
    "lengths": "const N: usize = 1 << 4;\npub type T = [u8; N * 2];\n"
    "pub fn f() { let _ = vec![0; 1_000_000]; let _ = [0; N]; }",
    "any lifetime": "pub const fn f<T>(_: &T) where T: for<'a> Fn(&'a u8) {}",
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_address_is_refused(name: str) -> None:
    assert verdict(ADDRESSES[name]) is not None


@pytest.mark.parametrize("name", COMPILER)
def test_endless_work_for_the_compiler_is_refused(name: str) -> None:
    assert verdict(COMPILER[name]) is not None


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_code_is_allowed(name: str) -> None:
    assert verdict(HARMLESS[name]) is None


def test_the_reason_names_the_line_and_what_to_do() -> None:
    error = verdict("fn g() {}\npub fn f() -> usize {\n    g as usize\n}\n") or ""
    assert error.startswith("line 4: `g as usize` may tell the address")
    error = verdict("fn g() {}\npub fn f() {\n    let _ = g;\n}\n") or ""
    assert error.startswith("line 4: `g` is a function here: call it, or pass a closure")


@pytest.mark.parametrize(
    "code", ["let _ = [" + "Some(1), " * 20000 + "];", "let a = 1; a; " * 9000]
)
def test_a_long_file_is_read_in_seconds(code: str) -> None:
    started = time.monotonic()
    assert verdict(body(code)) is None
    assert time.monotonic() - started < 20
