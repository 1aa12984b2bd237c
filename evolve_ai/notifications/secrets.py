"""Reads the secret that signs a webhook: from an environment variable or a private file."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from evolve_ai.model.errors import SettingsError
from evolve_ai.model.sink_settings import WebhookOptions
from evolve_ai.system.files import read_regular

_WHERE = "evolve.toml"
_MOST = 4096


def secret_of(
    webhook: WebhookOptions, root: Path, environ: Mapping[str, str] = os.environ
) -> bytes | None:
    """The secret; None without signature. SettingsError where the secret cannot be read."""
    if webhook.secret_env:
        secret = environ.get(webhook.secret_env, "").encode("utf-8", "surrogateescape").strip()
        if not secret:
            raise SettingsError(
                f"a webhook is to be signed with the variable {webhook.secret_env}, which is not "
                "set",
                where=_WHERE,
                todo=f"set {webhook.secret_env} where evolve is started (in a systemd unit: "
                "EnvironmentFile=)",
            )
        return secret
    return _of_file(root / webhook.secret_file) if webhook.secret_file else None


def _of_file(file: Path) -> bytes:
    try:
        mode = file.stat().st_mode
        secret = read_regular(file, _MOST).strip()
    except OSError as error:
        raise SettingsError(
            f"the secret of a webhook cannot be read: {error.strerror}",
            where=file,
            todo="write it there, or name another file: secret_file in [[sinks]]",
        ) from error
    if stat.S_IMODE(mode) & 0o077:
        raise SettingsError(
            "the secret of a webhook can be read by others", where=file, todo=f"chmod 600 {file}"
        )
    if not secret:
        raise SettingsError(
            "the secret of a webhook is empty", where=file, todo="write one: openssl rand -hex 32"
        )
    return secret
