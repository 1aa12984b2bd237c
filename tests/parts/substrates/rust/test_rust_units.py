"""Tests of units: what is compiled together, and what makes two units the same."""

from evolve_ai.substrates.rust.cargo import CargoReport, not_compiled
from evolve_ai.substrates.rust.units import UnitPlanner

USES = {
    "alone": (),
    "user": ("used",),
    "used": (),
    "ping": ("pong", "used"),
    "pong": ("ping",),
    "top": ("ping", "alone"),
}


def planner(base: str = "base") -> UnitPlanner:
    def uses(path: str, code: str) -> tuple[str, ...]:
        return USES[path.split("/")[-1][:-3]]

    return UnitPlanner(base, uses)


def files(**codes: str) -> tuple[tuple[str, str], ...]:
    every = dict.fromkeys(USES, "1" * 64) | codes
    return tuple((f"src/genes/{module}.rs", code) for module, code in every.items())


def test_each_file_is_a_unit_and_a_circle_is_one() -> None:
    units = planner().plan(files()).units
    assert units["ping"] is units["pong"]
    assert len({unit.name for unit in units.values()}) == len(USES) - 1
    assert [module for module, _ in units["ping"].members] == ["ping", "pong"]
    assert units["ping"].uses == (("used", units["used"].name),)
    assert units["top"].needs == {units[one].name for one in ("top", "ping", "used", "alone")}


def test_unit_does_not_depend_on_files_that_it_does_not_use() -> None:
    few = (("src/genes/used.rs", "1" * 64), ("src/genes/user.rs", "1" * 64))
    assert planner().plan(few).units["user"] == planner().plan(files()).units["user"]


def test_altered_file_renews_itself_and_those_above_only() -> None:
    before, after = planner().plan(files()).units, planner().plan(files(used="2" * 64)).units
    changed = {module for module in USES if before[module].name != after[module].name}
    assert changed == {"used", "user", "ping", "pong", "top"}


def test_other_kernel_or_toolchain_renews_every_unit() -> None:
    one, two = planner("a").plan(files()).units, planner("b").plan(files()).units
    assert all(one[module].name != two[module].name for module in USES)


def test_compiler_error_is_placed_in_the_agent_s_folder() -> None:
    report = CargoReport()
    report.hear(b"   Compiling something")
    report.hear(
        b'{"reason":"compiler-message","target":{"name":"evolve_unit_1"},"message":{"level":'
        b'"error","code":{"code":"E0308"},"message":"expected `evolve_unit_0a::genes::x::T`",'
        b'"spans":[{"is_primary":true,"file_name":"/lib/std/macros.rs","line_start":9,"expansion":'
        b'{"span":{"file_name":"units/evolve_unit_1/src/genes/x.rs","line_start":12}}}]}}'
    )
    assert report.reason("evolve_unit_1") == (
        "src/genes/x.rs:12: error[E0308]: expected `crate::genes::x::T`"
    )
    assert report.reason("evolve_unit_2") is None


def test_crates_that_cargo_gave_up_are_read_from_its_words() -> None:
    assert not_compiled("error: could not compile `a_b` (lib) due to 1 previous error") == {"a_b"}
