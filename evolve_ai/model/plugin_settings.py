"""The settings of plug-ins: how long a call into the user's own code may take."""

from evolve_ai.model.setting import Section, setting


class PluginSettings(Section):
    """Plug-ins of your own: docs/plugins.md."""

    timeout: float = setting(
        60.0,
        "longest call into a plug-in of your own; then the run ends and names the plug-in",
        unit="seconds",
        low=0.1,
        high=86_400.0,
    )
