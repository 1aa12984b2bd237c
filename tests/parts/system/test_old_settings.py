"""Settings that have moved are read where they stood, with a hint."""

from pathlib import Path

import pytest

from evolve_ai.model.errors import SettingsError
from evolve_ai.model.settings import Settings
from evolve_ai.system.settings_file import apply_overrides, old_forms, parse_settings

OLD = """
seed = 7
environment = "series"
selection = "tournament"
[cycle]
ticks = 9
workers = 3
[series]
held_out = 20
[founders]
file_active = 0.5
talk = 0.6
[birth]
file_flip = 0.9
[[webhooks]]
url = "http://127.0.0.1/"
"""
NOW = """
seed = 7
[environment]
name = "series"
held_out = 20
[selection]
name = "tournament"
[variation]
file_active = 0.5
likely = { speak = 0.6, listen = 0.6 }
file_flip = 0.9
[executor]
workers = 3
[cycle]
ticks = 9
[[sinks]]
name = "webhook"
url = "http://127.0.0.1/"
"""


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "evolve.toml"
    file.write_text(text)
    return file


def test_old_forms_are_read_as_the_new_ones(tmp_path: Path) -> None:
    assert parse_settings(OLD) == parse_settings(NOW)
    hints = old_forms(written(tmp_path, OLD))
    assert len(hints) == 7
    for words in (
        'selection = "tournament" is now [selection] name = "tournament"',
        "[series] is now [environment]",
        "[founders] is now [variation]",
        "[birth] is now [variation]",
        "cycle.workers is now workers in [executor]",
        '[[webhooks]] is now [[sinks]] name = "webhook"',
    ):
        assert words in hints
    assert old_forms(written(tmp_path, NOW)) == ()


def test_options_of_a_world_that_is_not_chosen_are_let_go() -> None:
    assert parse_settings('environment = "solitary"\n[series]\nheld_out = 20\n').environment.name
    with pytest.raises(SettingsError, match="held_out is unknown"):
        parse_settings('[environment]\nname = "solitary"\nheld_out = 20\n')


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[series]\nheld_outt = 1\n", "environment.held_outt is unknown; did you mean"),
        ("[birth]\nfile_flip = 9.0\n", "variation.file_flip is 9.0; it must be"),
        ("series = 3\n", "series is unknown"),
        ("[[founders]]\n", "founders is unknown"),
        ("environment = 3\n", "environment is 3; it must be"),
        ('environment = "no name"\n', 'environment.name is "no name"; it must be'),
        ("[selection]\nname = 3\n", "selection.name is 3; it must be"),
        ('[selection]\nname = "tournament"\nsize = 0\n', "evolve.toml:3: selection.size is 0"),
        (
            '[selection]\nname = "energy"\nsize = 3\n',
            "evolve.toml:3: selection.size is unknown to 'energy'; 'tournament' has it",
        ),
        ('[selection]\nname = "energy"\nsizee = 3\n', "sizee is unknown; there are name"),
        ('[selection]\nname = "tournament"\nsizee = 3\n', "did you mean selection.size?"),
        ("[[sinks]]\nurll = 3\n", "sinks[0].urll is unknown; did you mean"),
        ("sinks = 3\n", "sinks is 3"),
    ],
)
def test_what_is_wrong_is_told_by_its_new_name(text: str, words: str) -> None:
    with pytest.raises(SettingsError) as error:
        parse_settings(text)
    assert words in str(error.value)


def test_another_member_has_none_of_the_options_of_the_one_before() -> None:
    settings = parse_settings('[selection]\nname = "tournament"\nsize = 5\n')
    for override in ("selection=energy", "selection.name='energy'", "selection={name='energy'}"):
        assert apply_overrides(settings, [override]).selection.name == "energy"
    more = apply_overrides(settings, ["selection.size=7"]).selection
    assert (more.name, more.size) == ("tournament", 7)
    own = apply_overrides(settings, ["selection={name='a.b:C', depth=7}"]).selection
    assert (own.name, own.depth) == ("a.b:C", 7)


def test_old_forms_on_the_command_line_are_read_too() -> None:
    settings = apply_overrides(Settings(), ["series.noise=0.5", "cycle.workers=2"])
    assert (settings.environment.noise, settings.executor.workers) == (0.5, 2)
