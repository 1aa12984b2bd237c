"""What a user types and what comes back: answers, refusals with cause and exit code, reports."""

import json
import os
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import evolve, on_terminal
from project_support import NO_CARGO, ProjectUnderTest

GENE = """use crate::kernel::Agent;

/// A gene.
pub fn act(agent: &mut Agent) {{
    {body}
}}
"""


# New projects and their settings.


def test_new_project_says_what_to_type_next(tmp_path: Path) -> None:
    done = evolve("new", tmp_path / "demo")
    assert done.code == 0
    assert "evolve init 100" in done.out


def test_log_of_the_founding_has_the_hash_of_each_code(project: ProjectUnderTest) -> None:
    line = re.compile(
        r"\S+ founded (?P<id>\S+) place=\d+ active_genes=\d+ genome=(?P<genome>[0-9a-f]{16}) "
        r"code=(?P<code>[0-9a-f]{16})"
    )
    log = (project.root / "logs" / "initialization_log.txt").read_text().splitlines()
    found = [match for match in map(line.fullmatch, log) if match]
    assert len(found) == len(log) == len(project.agents())
    codes = {match["id"]: match["code"] for match in found}
    wirings = {id: (project.folder(id) / "src" / "main.rs").read_bytes() for id in codes}
    assert len(set(codes.values())) == len(set(wirings.values())) > 1


def test_new_in_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    done = evolve("new", tmp_path)
    assert done.code == 2
    assert "not empty" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


COMMANDS = (
    ("init", "5"),
    ("life-cycle",),
    ("status",),
    ("agents",),
    ("show", "a"),
    ("stop",),
    ("build",),
    ("build", "--explain", "a"),
    ("exam",),
    ("import", "."),
    ("logs", "a"),
    ("kill", "a"),
    ("revive", "--all"),
    ("pause",),
    ("resume",),
)


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_folder_without_project_is_named(words: tuple[str, ...], tmp_path: Path) -> None:
    done = evolve(*words, "--project", tmp_path, cwd=tmp_path)
    assert done.code == 3
    assert str(tmp_path) in done.err
    assert "evolve new DIR" in done.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [c for c in COMMANDS if c[0] not in ("init", "stop", "import")])
def test_project_without_agents_says_how_to_found_some(
    words: tuple[str, ...], unfounded: ProjectUnderTest
) -> None:
    done = unfounded.evolve(*words, code=1)
    assert "evolve init" in done.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[cycle]\nticls = 3\n", "evolve.toml:2: cycle.ticls is unknown; did you mean cycle.ticks"),
        ('\n\nseed = "x"\n', "evolve.toml:3: seed"),
        ("seed = -1\n", "evolve.toml:1: seed"),
        ("[cycle\n", "evolve.toml:1: not TOML"),
        ('selection = "nobody"\n', "none of the selection"),
        ('selection = "no_such_module:pick"\n', "no_such_module:pick cannot be imported"),
        ('environment = "moon"\n', "none of the environments"),
        ('[hooks]\ndeath = ["no_such_module:tell"]\n', "no_such_module"),
    ],
)
def test_wrong_settings_are_named_with_their_line(
    text: str, words: str, project: ProjectUnderTest
) -> None:
    (project.root / "evolve.toml").write_text(text)
    done = project.live(1, code=2)
    assert words in done.err


def test_another_seed_later_is_refused(project: ProjectUnderTest) -> None:
    before = (project.root / "evolve.toml").read_bytes()
    for words in (("init", 2, "--seed", 8), ("life-cycle", "--set", "seed=8")):
        done = project.evolve(*words, code=2)
        assert "seed 8 was asked for, but this population began with seed 7" in done.err
    assert (project.root / "evolve.toml").read_bytes() == before
    project.evolve("init", 1, "--seed", 7)


@pytest.mark.parametrize("count", ["0", "-1", "1000000000", "many", "2.5"])
def test_absurd_count_founds_nobody(count: str, unfounded: ProjectUnderTest) -> None:
    done = unfounded.evolve("init", "--", count, code=2)
    assert count in done.err
    assert not (unfounded.root / "agents").exists()


# The template.


def test_gene_file_that_does_not_parse_is_named_with_its_line(unfounded: ProjectUnderTest) -> None:
    unfounded.gene("odd", "use crate::kernel::Agent;\n\npub fn odd(agent: &mut Agent {\n")
    done = unfounded.evolve("init", 3, code=1)
    assert "odd.rs" in done.err
    assert "line 3" in done.err or "odd.rs:3" in done.err


def test_template_without_genes_founds_nobody(unfounded: ProjectUnderTest) -> None:
    genes = unfounded.root / "agent_template" / "src" / "genes"
    for path in genes.glob("*.rs"):
        if path.name != "mod.rs":
            path.unlink()
    done = unfounded.evolve("init", 3, code=1)
    assert "gene" in done.err
    shutil.rmtree(unfounded.root / "agent_template")
    done = unfounded.evolve("init", 3, code=1)
    assert "agent_template" in done.err


def test_kernel_changed_under_a_population_is_refused(project: ProjectUnderTest) -> None:
    kernel = project.root / "agent_template" / "src" / "kernel" / "mod.rs"
    kernel.write_text(kernel.read_text() + "\n// Mine.\n")
    done = project.live(1, code=1)
    assert "kernel" in done.err


def only(project: ProjectUnderTest, **genes: str) -> None:
    """A template with these genes beside its own, and founders in whom all are active."""
    for name, body in genes.items():
        project.gene(name, GENE.format(body=body))
    project.set(file_active=1.0, function_active=1.0, mutation_rate=0.0, cpu_deadline=0.2)
    project.set(turnover_floor=0.0, age_limit=1000)


VICES = {
    "crashes": ('panic!("no more");', "crash", "no more"),
    "hangs": ("let mut n = agent.age();\n    while n < u64::MAX { n = n % 7; }", "hang", "CPU"),
}


@pytest.mark.parametrize("vice", VICES)
def test_agents_with_a_vice_are_waited_for_and_told_apart(
    vice: str, unfounded: ProjectUnderTest
) -> None:
    body, cause, words = VICES[vice]
    only(unfounded, vice=body)
    unfounded.evolve("init", 3)
    unfounded.live(1)
    exits = unfounded.events("exit")
    assert [event["cause"] for event in exits] == [cause] * 3
    assert all(words in event["reason"] for event in exits), exits
    assert {row["state"] for row in unfounded.agents()} == {"waiting"}
    assert unfounded.status()["tainted"] is None


def test_agent_that_crashes_again_and_again_is_quarantined(unfounded: ProjectUnderTest) -> None:
    only(unfounded, vice='panic!("no more");')
    unfounded.set(start_cycles=10.0, gene_share=0.0)
    unfounded.evolve("init", 2)
    unfounded.live(30, "--set", "cycle.ticks=1", "--set", "economy.start_cycles=10")
    assert {row["state"] for row in unfounded.agents("--all")} <= {"quarantined", "dead"}
    assert unfounded.events("quarantine")
    assert unfounded.events("restart")


# The world.


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("year,spots\n1,5\n2,\n3,7\n", "spots.csv:3"),
        ("year,spots\n1,5\n2,many\n3,7\n", "many"),
        ("year,spots\n", "values"),
        ("", "empty"),
    ],
)
def test_series_with_holes_or_text_is_named_with_its_line(
    text: str, words: str, project: ProjectUnderTest
) -> None:
    (project.root / "spots.csv").write_text(text)
    done = project.evolve("life-cycle", "--set", "environment.file='spots.csv'", code=1)
    assert "spots.csv" in done.err
    assert words in done.err


def test_series_that_is_not_there_is_named(project: ProjectUnderTest) -> None:
    done = project.evolve("life-cycle", "--set", "environment.file='moon.csv'", code=1)
    assert "moon.csv" in done.err


# The machine.


def test_missing_cargo_is_a_missing_toolchain(project: ProjectUnderTest) -> None:
    done = project.evolve("life-cycle", "--cycles", 1, code=4, env=NO_CARGO)
    assert "`cargo` is not on the PATH" in done.err
    assert "install Rust" in done.err


def test_corrupt_registry_is_named(project: ProjectUnderTest) -> None:
    registry = project.root / "workspace" / "registry.sqlite"
    registry.with_name("registry.backup.sqlite").unlink()
    size = registry.stat().st_size
    for broken in (b"garbage" * 1000, registry.read_bytes()[: size // 2]):
        for side in registry.parent.glob("registry.sqlite-*"):
            side.unlink()
        registry.write_bytes(broken)
        for words in (("status",), ("life-cycle", "--cycles", 1)):
            done = evolve(*words, "--project", project.root)
            assert done.code == 1, (words, done)
            assert "registry.sqlite" in done.err
        done = evolve("doctor", "--project", project.root)
        assert done.code == 1
        assert "registry" in done.out


# Reports.


@pytest.fixture
def lived(copy_of: Callable[..., ProjectUnderTest], lived_project: Path) -> ProjectUnderTest:
    return copy_of(lived_project)


@pytest.fixture(scope="module")
def lived_project(founded_project: Path, lasting: Callable[..., ProjectUnderTest]) -> Path:
    """A population after four cycles."""
    project = lasting(founded_project)
    project.live(4)
    return project.root


def test_reports_have_the_keys_that_were_promised(lived: ProjectUnderTest) -> None:
    status = lived.status()
    assert {
        "cycle", "tick", "mode", "tainted", "population", "generation", "fitness", "builds",
        "restarts", "sandbox", "history_digest", "paused",
    } <= status.keys()  # fmt: skip
    assert {"alive", "running", "quarantined", "dead", "born"} <= status["population"].keys()
    assert status["generation"].keys() >= {"max", "mean"}
    assert status["fitness"].keys() >= {"best", "mean", "founders_mean"}
    assert status["builds"].keys() >= {"requested", "compiled", "reused", "failed"}
    assert (status["cycle"], status["mode"]) == (4, "lockstep")
    assert status["sandbox"].startswith("landlock: ")
    row = lived.agents()[0]
    assert {
        "id", "state", "pid", "generation", "parents", "energy", "fitness", "age",
        "active_genes", "fingerprint", "restarts", "cause",
    } <= row.keys()  # fmt: skip
    everyone = lived.agents("--all")
    population = status["population"]
    assert len(everyone) == population["alive"] + population["dead"]
    assert population["born"] == len(everyone) - population["founders"]
    for event in lived.events():
        assert event.keys() >= {"seq", "ts", "run", "cycle", "event", "agent"}
    json.loads(lived.evolve("life-cycle", "--cycles", 1, "--json").out)


def test_show_tells_who_an_agent_is(lived: ProjectUnderTest) -> None:
    rows = lived.agents("--all")
    child = next(row["id"] for row in rows if row["parents"])
    told = lived.evolve("show", child[:13]).out
    for words in ("child of", "generation", "energy", "genome, in calling order", "birth"):
        assert words in told
    story = lived.evolve("show", child, "--json").json
    assert story["agent"]["id"] == child
    assert story["events"]
    dead = next(row["id"] for row in rows if row["state"] == "dead")
    assert "died in cycle" in lived.evolve("show", dead).out
    for prefix in ("zzzz", "%", _shared([row["id"] for row in rows])):
        done = lived.evolve("show", "--", prefix, code=2)
        assert repr(prefix) in done.err


def _shared(ids: list[str]) -> str:
    """A beginning that several ids share."""
    firsts = [agent[0] for agent in ids]
    return next(first for first in firsts if firsts.count(first) > 1)


REPORTS = [
    ("status",),
    ("agents", "--all"),
    ("exam",),
    ("audit",),
    ("build", "--explain"),
    ("show",),
]


def of_an_agent(project: ProjectUnderTest, words: tuple[str, ...]) -> tuple[str, ...]:
    """The words, with an agent where they ask for one."""
    asks = words[-1] in ("--explain", "show")
    return (*words, project.agents()[0]["id"]) if asks else words


def in_words(out: str) -> list[list[str]]:
    """The words of each line, without numbers: seconds and free inodes change by themselves."""
    return [re.sub(r"\d[\d,.]*", "", line).split() for line in out.splitlines()]


@pytest.mark.parametrize("words", REPORTS, ids=lambda words: words[0])
def test_report_carries_no_colours_into_a_pipe_and_is_not_cut_there(
    lived: ProjectUnderTest, words: tuple[str, ...]
) -> None:
    words = of_an_agent(lived, words)
    narrow, wide = ({**os.environ, "COLUMNS": width} for width in ("40", "400"))
    out = lived.evolve(*words, env=narrow).out
    assert "\x1b" not in out
    assert in_words(lived.evolve(*words, env=wide).out) == in_words(out)


@pytest.mark.parametrize("words", REPORTS, ids=lambda words: words[0])
def test_report_fits_a_narrow_terminal(lived: ProjectUnderTest, words: tuple[str, ...]) -> None:
    """Columns go before ids; sentences go on in the next line."""
    words = of_an_agent(lived, words)
    shown = on_terminal(40, *words, "--project", lived.root)
    assert max(map(len, shown.splitlines())) <= 40
    everything = lived.evolve(*words).out
    for name in ("persistence", "population", "genome", "rustc"):
        assert (name in shown) is (name in everything)


def test_exam_compares_founders_and_living_with_persistence(lived: ProjectUnderTest) -> None:
    result = lived.evolve("exam", "--json").json
    for group in ("founders", "living", "persistence"):
        assert result[group].keys() >= {"median_s", "median_error"}
    assert result["persistence"]["median_s"] == 0.5
    assert 0 < result["founders"]["median_s"] < 1
    assert "values 231 to 309" in result["stretch"]
    before = lived.digest()
    assert lived.evolve("exam").out
    assert lived.digest() == before


def test_doctor_finds_a_sound_project_well(lived: ProjectUnderTest) -> None:
    checks = {check["name"]: check for check in lived.evolve("doctor", "--json").json}
    assert all(check["ok"] for check in checks.values())
    assert "agents alive" in checks["registry"]["detail"]
    assert "ok  cargo" in lived.evolve("doctor").out


def test_doctor_outside_a_project_says_so(tmp_path: Path) -> None:
    done = evolve("doctor", "--project", tmp_path)
    assert done.code == 1
    assert "evolve.toml" in done.out


def test_usage_errors_are_sentences(project: ProjectUnderTest) -> None:
    wrong = (("life-cycle", "--for", "soon"), ("fly",), ("init",), ("kill",), ("revive",))
    for words in (*wrong, ("revive", "--all", "a"), ("logs", "a", "--lines", "0")):
        done = evolve(*words, "--project", project.root)
        assert done.code == 2
        assert done.err
    assert evolve("--help").code == 0
    assert evolve("--version").out.startswith("evolve, version")
    done = project.evolve("status", "--set", "cycle.tick=3", code=2)
    assert "did you mean cycle.ticks" in done.err


def test_duration_bounds_a_run(project: ProjectUnderTest) -> None:
    done = project.evolve("life-cycle", "--for", "2s", "--set", "cycle.ticks=1")
    assert done.out.startswith("cycle    1")


def test_way_into_a_folder_with_blanks_can_be_pasted(tmp_path: Path) -> None:
    folder = tmp_path / "of us' all"
    assert f"cd {shlex.quote(str(folder))} && evolve init" in evolve("new", folder).out
