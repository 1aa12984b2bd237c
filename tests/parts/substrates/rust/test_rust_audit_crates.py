"""Tests of the audit where the template depends on crates: their paths, and nothing more."""

import pytest

from evolve_ai.substrates.rust.policy import Policy
from evolve_ai.substrates.rust.source import read_source

CRATES = frozenset({"libm", "num_traits"})
HEAD = "use crate::kernel::Agent;\n"


def verdict(code: str, crates: frozenset[str] = CRATES) -> str | None:
    report = read_source("src/genes/x.rs", (HEAD + code).encode(), Policy(crates))
    assert report.syntax_error is None, report.syntax_error
    return report.audit_error


def body(code: str) -> str:
    return f"pub fn run(agent: &mut Agent) {{ {code} }}\n"


ALLOWED = {
    "a function by its path": body("let _ = libm::erf(1.0);"),
    "a function by name": "use libm::erf;\n" + body("let _ = erf(1.0);"),
    "several": "use libm::{erf, tanh as bend};\n" + body("let _ = erf(bend(1.0));"),
    "the crate": "use libm;\n" + body("let _ = libm::erf(1.0);"),
    "the crate by another name": "use libm as m;\n" + body("let _ = m::erf(1.0);"),
    "the crate in braces": "use libm::{self, erf};\n" + body("let _ = libm::j0(erf(1.0));"),
    "a function in a closure": "use libm::erf;\n"
    + body("let _: Vec<f64> = [0.1].iter().map(|x| erf(*x)).collect();"),
    "a function in a macro": body('print!("{}", libm::erf(1.0));'),
    "a trait": "use num_traits::Zero;\n" + body("let _ = f64::zero();"),
    "a trait bound": "pub fn f<T: num_traits::Float>(x: T) -> T { x }\n",
    "a trait for a type of its own": "pub struct S;\nimpl num_traits::Zero for S {}\n",
    "a trait of std": "use std::fmt::Debug;\npub fn f<T: Debug>(_: T) {}\n",
    "a constant": body("let _ = num_traits::consts::LIMIT;"),
}

REFUSED = {
    "the crate as a whole": ("use libm::*;", "by name, not as a whole"),
    "a module as a whole": ("use libm::math::*;", "by name, not as a whole"),
    "another crate": (body("let _ = libc::getpid();"), "no crate of the template"),
    "another crate by use": ("use libc::getpid;", "no crate of the template"),
    "the name with a dash's other half": ("use num::Zero;", "no crate of the template"),
    "leading colons": (body("let _ = ::libm::erf(1.0);"), "not allowed"),
    "leading colons in use": ("use ::libm::erf;", "not allowed"),
    "extern crate": ("extern crate libm;", "foreign code"),
    "std through it": ("use libm::std::fs;", "not allowed"),
    "out of it": ("use libm::super::x;", "not allowed"),
    "a macro by its path": (body("libm::made!();"), "the macro"),
    "a macro": ("use libm::made;\n" + body("made!();"), "the macro"),
    "a macro by a known name": ("use libm::made as vec;", "nothing may be called `vec`"),
    "a macro of a known name": ("use libm::format;", "nothing may be called `format`"),
    "a macro by way of a gene": (
        "use crate::genes::other::made as vec;",
        "nothing may be called `vec`",
    ),
    "a macro by way of itself": (
        "use libm::made;\nuse self::made as vec;",
        "nothing may be called `vec`",
    ),
    "a derive by a known name": ("use libm::Made as Debug;", "nothing may be called `Debug`"),
    "a derive of its own": ("#[derive(libm::Made)]\npub struct S;", "standard library"),
    "an attribute of a known name": ("use libm::inline;", "nothing may be called `inline`"),
    "an attribute": ("#[libm::made]\npub fn f() {}", "the attribute"),
    "a type that hides it": ("pub struct libm;", "nothing may be called `libm`"),
    "another thing by its name": ("use std::mem as libm;", "nothing may be called `libm`"),
    "a gene file by its name": ("use crate::genes::libm;", "nothing may be called `libm`"),
    "one crate by the name of the other": (
        "use num_traits as libm;",
        "nothing may be called `libm`",
    ),
    "an impl on its type": ("impl libm::Thing { pub fn f() {} }", "not declared beside it"),
    "an address": (body("let _ = libm::erf as usize;"), "address"),
    "an address by name": ("use libm::erf;\n" + body("let _ = erf as usize;"), "address"),
    "functions side by side": (body("let _ = [libm::erf, libm::j0];"), "is a function here"),
    "functions side by side by name": (
        "use libm::{erf, j0};\n" + body("let _ = [erf, j0];"),
        "is a function here",
    ),
    "a function kept": (body("let f = libm::erf;"), "is a function here"),
    "a function passed on": (body("let _ = [0.1].map(libm::erf);"), "is a function here"),
    "a function passed on by another name": (
        "use libm as m;\n" + body("let _ = [0.1].map(m::erf);"),
        "is a function here",
    ),
    "a function in a macro's list": (body("let _ = vec![libm::erf];"), "is a function here"),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_crate_is_used_by_name(name: str) -> None:
    assert verdict(ALLOWED[name]) is None


@pytest.mark.parametrize("name", [name for name in ALLOWED if name != "a trait of std"])
def test_same_is_refused_where_the_template_has_no_crates(name: str) -> None:
    assert "no crate of the template" in (verdict(ALLOWED[name], frozenset()) or "")


@pytest.mark.parametrize("name", REFUSED)
def test_rest_of_a_crate_is_refused(name: str) -> None:
    code, reason = REFUSED[name]
    assert reason in (verdict(code) or "")


def test_names_are_free_where_the_template_has_no_crates() -> None:
    assert verdict("pub struct libm;\nuse crate::genes::other::Debug;", frozenset()) is None
