"""Reading evolve.toml, and the problems that it can have."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.model.errors import EXIT_NO_PROJECT, EXIT_USAGE, NoProjectError, SettingsError
from evolve_ai.model.settings import Settings
from evolve_ai.system.settings_file import (
    apply_overrides,
    load_settings,
    parse_settings,
)
from evolve_ai.system.toml_text import line_of


def _refusal(text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        parse_settings(text)
    assert caught.value.exit_code == EXIT_USAGE
    return str(caught.value)


def test_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "evolve.toml"
    path.write_text('seed = 7\nselection = "none"\n[cycle]\nticks = 20\n[hooks]\n"*" = ["a:b"]\n')
    settings = load_settings(path)
    assert (settings.seed, settings.selection.name, settings.cycle.ticks) == (7, "none", 20)
    assert settings.hooks == {"*": ("a:b",)}


def test_empty_file_means_defaults() -> None:
    assert parse_settings("") == Settings()


def test_missing_file_is_no_project(tmp_path: Path) -> None:
    with pytest.raises(NoProjectError, match="evolve new") as caught:
        load_settings(tmp_path / "evolve.toml")
    assert caught.value.exit_code == EXIT_NO_PROJECT


def test_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "evolve.toml").mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path / "evolve.toml")


def test_bytes_that_are_no_text_are_refused_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "evolve.toml"
    path.write_bytes(b"seed = 1\n# \xff\n")
    with pytest.raises(SettingsError, match=r"evolve\.toml:2: .*UTF-8"):
        load_settings(path)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("seed = 1\n\n[cycle]\ntick = 3\n", "evolve.toml:4", "did you mean cycle.ticks?"),
        ("sead = 1\n", "evolve.toml:1", "did you mean seed?"),
        ("\n[cycel]\nticks = 1\n", "evolve.toml:2", "did you mean cycle?"),
        ("[cycle]\nseed = 1\n", "evolve.toml:2", "did you mean seed, above the first table?"),
        ("[cycle]\nticks = -1\n", "evolve.toml:2", "a whole number in 0..100000"),
        ("[cycle]\nticks = [\n 1,\n 2]\n", "evolve.toml:2", "cycle.ticks is [1, 2]"),
        ('seed = "7"\n', "evolve.toml:1", 'seed is "7"; it must be a whole number'),
        ("cycle.ticks = 1.5\n", "evolve.toml:1", "cycle.ticks is 1.5"),
        ("cycle = 3\n", "evolve.toml:1", "it must be a table"),
        ("\n[economy]\nendowment = 3.0\n", "evolve.toml:2", "must not exceed breeding"),
        ("[hooks]\nbirt = []\n", "evolve.toml:2", "must be a kind of event"),
        ("[hooks]\nbirth = 1\n", "evolve.toml:2", "it must be a list of"),
        ('[crates]\nlibm = "0.2"\n', "evolve.toml:2", "must be one exact version"),
        ("[crates]\nlibm = 2\n", "evolve.toml:2", "it must be one exact version"),
        ('[crates]\n"a b" = "1.0.0"\n', "evolve.toml:2", "must be the name of a crate"),
        ("crates = 3\n", "evolve.toml:1", "it must be a table"),
        ("[build]\nopt_level = 4\n", "evolve.toml:2", 'it must be "", "0", "1"'),
        ('[[sinks]]\nevents = ["*"]\n', "evolve.toml:1", "sinks[0].url is missing"),
        pytest.param("x = " + "[" * 9000, "evolve.toml", "not TOML", id="deep nest"),
        pytest.param("x = " + "9" * 9000, "evolve.toml", "not TOML", id="huge number"),
        ("seed = \n", "evolve.toml:1", "not TOML"),
        ("seed = 1\nseed = 2\n", "evolve.toml:2", "already exists"),
        ("[economy]\nzzzzzz = 1\n", "evolve.toml:2", "there are gene_share, start_cycles"),
    ],
)
def test_problem_names_line_key_and_remedy(text: str, place: str, message: str) -> None:
    refusal = _refusal(text)
    assert refusal.startswith(place)
    assert message in refusal


def test_all_problems_are_told_at_once() -> None:
    refusal = _refusal("sead = 1\n[cycle]\nticks = -1\n[[sinks]]\nurl = 3\n")
    assert "3 problems" in refusal
    assert refusal.index("line 1: sead") < refusal.index("line 3: cycle.ticks")
    assert "line 5: sinks[0].url" in refusal


def test_line_is_that_of_the_statement_in_the_second_table_of_an_array() -> None:
    text = '[[sinks]]\nurl = """\na"""\n# note\n[[sinks]]\n\nurl = 3\n'
    assert line_of(text, ("sinks", 0, "url")) == 2
    assert line_of(text, ("sinks", 1, "url")) == 7


def test_overrides_are_toml_and_the_last_wins() -> None:
    settings = apply_overrides(
        Settings(seed=1), ["cycle.ticks=20", "seed = 7", "cycle.ticks=30", 'hooks."*"=["a:b"]']
    )
    assert (settings.seed, settings.cycle.ticks) == (7, 30)
    assert settings.cycle.chunk == 64
    assert settings.hooks == {"*": ("a:b",)}


def test_bare_word_in_an_override_stands_for_itself() -> None:
    settings = apply_overrides(Settings(), ["selection=none", "environment.file=data/own.csv"])
    assert (settings.selection.name, settings.environment.file) == ("none", "data/own.csv")


@pytest.mark.parametrize(
    "override",
    ["cycle.tick=3", "seed", "seed=", "seed=1\nmode=2", "seed=[", "=3", "cycle=3", "seed=-1"],
)
def test_wrong_override_says_that_it_came_from_the_command_line(override: str) -> None:
    with pytest.raises(SettingsError, match=r"^command line: "):
        apply_overrides(Settings(), [override])


@given(st.text(max_size=60))
def test_any_text_gives_settings_or_a_settings_error(text: str) -> None:
    try:
        parse_settings(text)
    except SettingsError as error:
        assert str(error)


@given(st.text(max_size=40))
def test_any_override_gives_settings_or_a_settings_error(text: str) -> None:
    try:
        apply_overrides(Settings(), [text])
    except SettingsError as error:
        assert str(error)


def test_mark_that_editors_put_before_a_file_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "evolve.toml").write_bytes("\ufeffseed = 9\n".encode())
    assert load_settings(tmp_path / "evolve.toml").seed == 9


@pytest.mark.parametrize("table", ["", "[cycle]\n"])
def test_very_many_unknown_keys_are_told_briefly_and_soon(table: str) -> None:
    text = table + "".join(f"unknown_{n} = {n}\n" for n in range(20_000))
    begun = time.process_time()
    with pytest.raises(SettingsError) as told:
        parse_settings(text)
    assert time.process_time() - begun < 60
    assert "20000 problems" in str(told.value)
    assert "and 19980 more" in str(told.value)
    assert "unknown_3" in str(told.value)
    assert len(str(told.value)) < 20_000


@pytest.mark.parametrize(
    "text",
    [
        '[[sinks]]\nurl = "ftp://user:hunter2@host/"\n',
        '[[sinks]]\nurl = ["https://user:hunter2@host/"]\n',
        '[sinks]\nurl = "https://user:hunter2@host/"\n',
    ],
)
def test_password_in_an_address_is_not_shown(text: str) -> None:
    with pytest.raises(SettingsError) as told:
        parse_settings(text)
    assert "hunter2" not in str(told.value)
    with pytest.raises(SettingsError) as told:
        apply_overrides(Settings(), ["sinks=https://user:hunter2@host/ x"])
    assert "hunter2" not in str(told.value)
