"""The webhook against a real server that fails, hangs or is not there."""

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from notifications_support import MemoryLog, Receiver, events, eventually, recorded

from evolve_ai.model.errors import SettingsError
from evolve_ai.model.event import Kind
from evolve_ai.model.settings import Settings
from evolve_ai.model.sink_settings import WebhookOptions
from evolve_ai.notifications.notifier import open_notifier
from evolve_ai.notifications.secrets import secret_of
from evolve_ai.notifications.webhook import SIGNATURE, TIMESTAMP, Webhook


def _webhook(receiver: Receiver, log: MemoryLog, **changes: object) -> Webhook:
    options = {"timeout": 2.0, "retries": 5, "first_pause": 0.01, **changes}
    return Webhook(receiver.url, ["*"], log, **options)  # type: ignore[arg-type]


def test_server_that_fails_twice_gets_everything_once(receiver: Receiver, log: MemoryLog) -> None:
    receiver.statuses = [500, 503]
    webhook = _webhook(receiver, log)
    webhook.deliver(events(1, 700))
    assert eventually(lambda: len(receiver.accepted) == 700)
    webhook.close()
    assert [event["seq"] for event in receiver.accepted] == list(range(1, 701))
    assert receiver.attempts == 4
    assert not log.entries


def test_only_wanted_kinds_are_posted(receiver: Receiver, log: MemoryLog) -> None:
    webhook = Webhook(receiver.url, ["death"], log, timeout=2, retries=0)
    webhook.deliver([recorded(1), recorded(2, Kind.DEATH)])
    webhook.close()
    assert receiver.accepted == [recorded(2, Kind.DEATH).line()]


def test_refusal_is_not_repeated(receiver: Receiver, log: MemoryLog) -> None:
    receiver.statuses = [403]
    webhook = _webhook(receiver, log)
    webhook.deliver(events(1, 3))
    assert eventually(lambda: bool(log.named("events not accepted")))
    webhook.close()
    assert receiver.attempts == 1
    assert webhook.dropped == 3
    assert log.named("events not accepted")[0]["reason"] == "the answer was 403"


def test_server_that_hangs_is_given_up_and_the_address_is_not_told(
    receiver: Receiver, log: MemoryLog
) -> None:
    receiver.seconds = 1.0
    webhook = _webhook(receiver, log, timeout=0.1, retries=2)
    started = time.monotonic()
    webhook.deliver(events(1, 3))
    assert time.monotonic() - started < 0.1
    assert eventually(lambda: bool(log.named("events not accepted")))
    webhook.close()
    report = log.named("events not accepted")[0]
    assert report["attempts"] == 3
    assert "secret-path" not in str(report)


def test_server_that_is_not_there_is_reported_and_the_address_is_told_nowhere(
    log: MemoryLog, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    gone = Receiver()
    gone.close()
    webhook = _webhook(gone, log, retries=3)
    webhook.deliver(events(1, 3))
    assert eventually(lambda: bool(log.named("events not accepted")))
    reason = log.named("events not accepted")[0]["reason"]
    assert "Refused" in reason
    assert "127.0.0.1" not in reason
    assert not caplog.records
    assert "secret-path" not in capfd.readouterr().err
    webhook.close()


def test_close_flushes_what_waits(receiver: Receiver, log: MemoryLog) -> None:
    receiver.statuses = [500, 500]
    webhook = _webhook(receiver, log, first_pause=20.0)
    webhook.deliver(events(1, 3))
    webhook.close()
    assert len(receiver.accepted) == 3


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999/x", "http://127.0.0.1:x/"])
def test_port_that_is_none_is_refused(url: str, log: MemoryLog) -> None:
    with pytest.raises(SettingsError):
        Webhook(url, ["*"], log, timeout=1, retries=0)


# Signatures.


def test_body_is_signed_and_each_attempt_has_the_same_signature(
    receiver: Receiver, log: MemoryLog
) -> None:
    receiver.statuses = [500]
    webhook = _webhook(receiver, log, secret=b"key")
    webhook.deliver(events(1, 3))
    webhook.close()
    assert len(receiver.accepted) == 3
    (first, body), (second, again) = receiver.posts
    assert body == again
    made = hmac.new(b"key", body, hashlib.sha256).hexdigest()
    assert first[SIGNATURE] == second[SIGNATURE] == f"sha256={made}"
    assert first[TIMESTAMP] == json.loads(body)["sent"]
    assert hmac.new(b"key", body + b" ", hashlib.sha256).hexdigest() != made


def test_without_a_secret_nothing_is_signed(receiver: Receiver, log: MemoryLog) -> None:
    webhook = _webhook(receiver, log)
    webhook.deliver(events(1, 1))
    webhook.close()
    ((headers, _),) = receiver.posts
    assert SIGNATURE not in headers
    assert TIMESTAMP in headers


def test_pause_that_the_receiver_asks_for_is_made(receiver: Receiver, log: MemoryLog) -> None:
    receiver.statuses, receiver.retry_after = [429], "1"
    webhook = _webhook(receiver, log)
    started = time.monotonic()
    webhook.deliver(events(1, 1))
    assert eventually(lambda: bool(receiver.accepted))
    assert time.monotonic() - started >= 1.0
    webhook.close()


def test_nobody_is_led_elsewhere(receiver: Receiver, log: MemoryLog) -> None:
    receiver.statuses = [302]
    webhook = _webhook(receiver, log)
    webhook.deliver(events(1, 1))
    webhook.close()
    assert receiver.attempts == 1
    assert log.named("events not accepted")[0]["reason"] == "the answer was 302"


def _signed_by(**words: str) -> WebhookOptions:
    return WebhookOptions.model_validate({"url": "http://127.0.0.1/", **words})


def test_secret_comes_from_a_variable_or_from_a_file_of_ones_own(tmp_path: Path) -> None:
    assert secret_of(_signed_by(), tmp_path, {}) is None
    assert secret_of(_signed_by(secret_env="KEY"), tmp_path, {"KEY": " k\n"}) == b"k"
    file = tmp_path / "secret"
    file.write_text("from a file\n")
    file.chmod(0o600)
    assert secret_of(_signed_by(secret_file="secret"), tmp_path, {}) == b"from a file"
    assert secret_of(_signed_by(secret_file=str(file)), tmp_path / "x", {}) == b"from a file"


def test_secret_that_cannot_be_had_is_refused_with_what_helps(tmp_path: Path) -> None:
    def refused(**words: str) -> SettingsError:
        with pytest.raises(SettingsError) as caught:
            secret_of(_signed_by(**words), tmp_path, {"EMPTY": ""})
        return caught.value

    for name in ("NONE", "EMPTY"):
        assert f"variable {name}, which is not set" in str(refused(secret_env=name))
    assert "No such file" in str(refused(secret_file="none"))
    file = tmp_path / "secret"
    file.write_text("word")
    file.chmod(0o644)
    error = refused(secret_file="secret")
    assert "can be read by others" in str(error)
    assert error.todo == f"chmod 600 {file}"
    subprocess.run(["sh", "-c", error.todo], check=True)  # what the remedy says
    assert secret_of(_signed_by(secret_file="secret"), tmp_path, {}) == b"word"
    file.write_text("\n")
    assert "empty" in str(refused(secret_file="secret"))
    file.unlink()
    file.symlink_to("/etc/passwd")
    refused(secret_file="secret")


def test_webhook_that_cannot_be_signed_posts_nothing_and_ends_nobody(
    receiver: Receiver, tmp_path: Path
) -> None:
    settings = Settings.model_validate(
        {"sinks": ({"url": receiver.url, "secret_env": "EVOLVE_NO_SUCH_VARIABLE"},)}
    )
    notifier = open_notifier(settings, tmp_path / "logs")
    notifier.deliver(events(1, 1))
    notifier.close()
    assert receiver.attempts == 0
    assert "posts nothing" in (tmp_path / "logs" / "orchestrator.log").read_text()


def test_http_client_is_loaded_only_for_a_webhook(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from evolve_ai.model.settings import Settings\n"
        "from evolve_ai.notifications.notifier import open_notifier\n"
        "from evolve_ai import cli\n"
        f"logs = pathlib.Path({str(tmp_path)!r}) / 'logs'\n"
        "open_notifier(Settings(), logs).close()\n"
        "assert 'urllib3' not in sys.modules\n"
        "hooks = ({'url': 'http://127.0.0.1:9/'},)\n"
        "open_notifier(Settings.model_validate({'sinks': hooks}), logs).close()\n"
        "assert 'urllib3' in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_user_and_password_go_in_a_header_and_into_no_address(log: MemoryLog) -> None:
    webhook = Webhook(
        "http://me:hunter2%21@127.0.0.1:1/", ["*"], log, timeout=0.2, retries=0, first_pause=0.01
    )
    expected = base64.b64encode(b"me:hunter2!").decode()
    assert webhook._headers("now", b"")["authorization"] == f"Basic {expected}"
    assert webhook._url == "http://127.0.0.1:1/"
    webhook.deliver(events(1, 2))
    assert eventually(lambda: bool(log.named("events not accepted")))
    webhook.close()
    assert "hunter2" not in str(log.entries)
