"""Finds, before a run begins, reasons why a webhook could not post."""

from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

from evolve_ai.model.errors import SettingsError
from evolve_ai.model.settings import Settings
from evolve_ai.model.sink_settings import WebhookOptions, webhooks_of
from evolve_ai.notifications.secrets import secret_of


def check_webhooks(settings: Settings, root: Path) -> str:
    """The number of webhooks, in words. SettingsError where one cannot post or sign."""
    found = webhooks_of(settings.sinks)
    for webhook in found:
        usable_secret(webhook, root)
    return f"{len(found)} set" if found else "none set"


def usable_secret(webhook: WebhookOptions, root: Path) -> bytes | None:
    """The secret, or None without signature. SettingsError where it cannot be used."""
    if urlsplit(webhook.url).scheme.lower() == "https":
        _need_ssl()
    return secret_of(webhook, root)


def _need_ssl() -> None:
    """Raise if this build of Python lacks `ssl`, which only webhooks need."""
    try:
        import_module("ssl")
    except ImportError as error:
        raise SettingsError(
            "a webhook has an https address, and this Python was built without ssl",
            where="evolve.toml",
            todo="install a Python that has it (python3 -c 'import ssl' says nothing then), or "
            "post to a http address",
        ) from error
