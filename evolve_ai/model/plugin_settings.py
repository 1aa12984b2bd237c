"""The settings of plug-ins: how long a call into the user's own code may take."""

from collections.abc import Mapping

from evolve_ai.model.setting import Section, setting

# The names that plugins.py knows, by the key that chooses one; any other is the user's own.
BUILT_IN: Mapping[str, frozenset[str]] = {
    "environment": frozenset({"series", "solitary"}),
    "selection": frozenset({"energy", "truncation", "tournament", "none"}),
    "variation": frozenset({"standard"}),
    "substrate": frozenset({"rust"}),
}


class PluginSettings(Section):
    """Plug-ins of your own: docs/plugins.md."""

    timeout: float = setting(
        60.0,
        "a call into a plug-in of your own may take; then the run ends and names it",
        unit="seconds",
        low=0.1,
        high=86_400.0,
    )
