"""Programs compiled together behave as what `cargo build --release` makes of each alone."""

from pathlib import Path

import pytest
from cargo_task_support import MANIFEST, CargoTask, executable

from evolve_ai.contracts.program_builder import Built
from evolve_ai.model.trial import Fault

# What a program does, by name; `fn main` is added where there is none.
BODIES = {
    "arguments": 'println!("{:?}", std::env::args().skip(1).collect::<Vec<_>>());',
    "input": 'let n = std::io::stdin().lines().count(); println!("{n}");',
    "exits": "std::process::exit(7);",
    "panics": 'let empty: Vec<i32> = vec![]; println!("{}", empty[std::env::args().count()]);',
    "overflows": 'let x = std::env::args().count() as u8; println!("{}", x + 255 - x);',
    "aborts": "std::process::abort();",
    "catches": 'println!("{}", std::panic::catch_unwind(|| panic!("x")).is_err());',
    "threads": 'std::thread::spawn(|| println!("in a thread")).join().unwrap();',
    "library": 'println!("{}", roots::Shape::new(3).area());',
    "module": 'println!("{}", crate::deep::inner::value(2));',
    "own impl": "impl roots::Area for Own { fn of(&self) -> i64 { 5 } } struct Own; "
    'println!("{}", roots::doubled(&Own));',
}
WHOLE = {
    "returns an error": 'fn main() -> Result<(), String> { Err("it failed".into()) }',
    "returns a code": "fn main() -> std::process::ExitCode { std::process::ExitCode::from(9) }",
    "a macro": 'macro_rules! m { ($x:expr) => { $x + 1 } } fn main() { println!("{}", m!(2)); }',
    "statics": "use std::cell::Cell; thread_local!(static C: Cell<u8> = Cell::new(3));"
    'fn main() { C.with(|c| println!("{}", c.get())); }',
    "the whole crate": '#![deny(unused)] fn main() { println!("{}", module_path!()); }',
    "conversions": "struct V(f64); impl std::ops::Mul<V> for f64 { type Output = V;"
    " fn mul(self, o: V) -> V { V(self * o.0) } }"
    ' fn main() { let v = 2.0 * V(1.5); println!("{}", v.0 * 2.0); }',
    "no main": "fn other() {}",
    "another type": "fn main() -> u8 { 3 }",
    "no syntax": "fn main() { let = ; }",
    "borrows": 'fn main() { let a = vec![1]; let b = a; println!("{:?} {:?}", a, b); }',
    "a constant too large": 'fn main() { let x: u8 = 256; println!("{x}"); }',
    "a certain panic": 'fn main() { let a = [1, 2]; println!("{}", a[2]); }',
    "above the root": "fn main() { super::main() }",
}
LIBRARY = """
pub trait Area { fn of(&self) -> i64; }
pub struct Shape(i64);
impl Shape {
    pub fn new(side: i64) -> Shape { Shape(side) }
    pub fn area(&self) -> i64 { self.0 * self.0 }
}
pub fn doubled(one: &dyn Area) -> i64 { 2 * one.of() }
"""
DEEP = (
    "pub mod inner { pub fn value(x: i64) -> i64 { super::base() + x } }\nfn base() -> i64 { 40 }\n"
)


def programs() -> dict[str, str]:
    bodies = {name: f"mod deep;\nfn main() {{\n    {body}\n}}\n" for name, body in BODIES.items()}
    return bodies | {name: f"{text}\n" for name, text in WHOLE.items()}


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> CargoTask:
    files = {"src/main.rs": "fn main() {}", "src/lib.rs": LIBRARY, "src/deep.rs": DEEP}
    return CargoTask(tmp_path_factory.mktemp("differential"), files)


@pytest.fixture(scope="module")
def built(task: CargoTask) -> dict[str, Built | Fault]:
    found = task.builder().build([task.program(main=text) for text in programs().values()])
    return dict(zip(programs(), found, strict=True))


@pytest.mark.parametrize("name", programs())
def test_program_behaves_as_when_cargo_builds_it(
    task: CargoTask, built: dict[str, Built | Fault], name: str
) -> None:
    alone, together = task.by_cargo(task.program(main=programs()[name])), built[name]
    if isinstance(alone, str):
        assert isinstance(together, Fault), f"cargo refuses it: {alone}"
        assert together.reason.partition("error")[2].partition(": ")[2].split("\n")[0] in alone
        return
    assert isinstance(together, Built), together
    words, text = ["a", "b c"], b"1\n2\n"
    told = task.run(together.data, words, text)
    expected = task.run(alone.read_bytes(), words, text)
    assert (told.code, told.out) == (expected.code, expected.out)
    assert told.err == expected.err


def test_most_of_them_were_compiled_together(built: dict[str, Built | Fault]) -> None:
    sizes = [len(one.data) for one in built.values() if isinstance(one, Built)]
    assert max(sizes.count(size) for size in sizes) >= len(BODIES) - 1


def test_crate_of_the_registry_is_fetched_once_and_then_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main = 'fn main() { println!("{:.6}", libm::erf(VALUE)); }'
    task = CargoTask(
        tmp_path,
        {"src/main.rs": main},
        manifest=f'{MANIFEST}[dependencies]\nlibm = "=0.2.16"\n',
        crates={"libm": "0.2.16"},
    )
    texts = [main.replace("VALUE", value) for value in ("0.5", "1.0", "x")]
    task.builder().prepare()
    monkeypatch.setenv("CARGO_HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("CARGO_NET_RETRY", "0")
    found = task.builder().build([task.program(main=text) for text in texts])
    told = [task.run(executable(one)).out for one in found[:2]]
    assert told == [b"0.520500\n", b"0.842701\n"]
    assert isinstance(found[2], Fault)


def test_project_whose_library_changes_is_built_alone(tmp_path: Path) -> None:
    library = "pub fn value() -> i64 { NUMBER }\n"
    task = CargoTask(
        tmp_path,
        {
            "src/main.rs": 'fn main() { println!("{}", roots::value()); }',
            "src/lib.rs": library.replace("NUMBER", "0"),
        },
        changing="src/*.rs",
    )
    programs = [task.program(lib=library.replace("NUMBER", number)) for number in "123"]
    found = task.builder().build(programs)
    assert [task.run(executable(one)).out for one in found] == [b"1\n", b"2\n", b"3\n"]
