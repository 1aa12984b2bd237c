"""The options of the sinks."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from evolve_ai.model.event import Kind
from evolve_ai.model.setting import URL_FORM, Section, Url, member, setting

ANY_EVENT = "*"
SECRET_FORM = 'a name, or "": not signed'
EVENT_NAMES = (*(str(kind) for kind in Kind), ANY_EVENT)


def _known_event(name: str) -> str:
    if name not in EVENT_NAMES:
        raise ValueError(f"must be a kind of event: {', '.join(EVENT_NAMES)}")
    return name


EventName = Annotated[str, AfterValidator(_known_event)]
EventNames = Annotated[tuple[EventName, ...], Field(strict=False)]


class WebhookOptions(Section):
    """An address that gets events by HTTP POST, as JSON."""

    name: Literal["webhook"] = member("webhook")
    url: Url = setting(..., "where events are posted", form=URL_FORM)
    events: EventNames = setting(
        (ANY_EVENT,), 'kinds of events; "*": all', form='kinds of events, or "*"'
    )
    timeout: float = setting(
        5.0, "longest time of one attempt", unit="seconds", low=0.1, high=300.0
    )
    retries: int = setting(
        5, "more attempts, each after twice the pause", unit="attempts", low=0, high=100
    )
    secret_env: str = setting(
        "", "the variable whose value is the secret that signs posts", form=SECRET_FORM
    )
    secret_file: str = setting(
        "", "the file whose content is that secret, relative to the project", form=SECRET_FORM
    )


def webhooks_of(sinks: Iterable[object]) -> tuple[WebhookOptions, ...]:
    return tuple(one for one in sinks if isinstance(one, WebhookOptions))
