"""Where an agent stands in the protocol, without any process."""

from pathlib import Path

import pytest

from evolve_ai.colony.agent_process import AgentProcess, Owed
from evolve_ai.colony.pipes import Pipes
from evolve_ai.model.frame import FrameError
from evolve_ai.system.identity import Identity

EPOCH = 4


def resident(asked: Owed) -> AgentProcess:
    nowhere = Pipes(-1, -1, Path("in"), Path("out"))
    one = AgentProcess("a", Identity(1, 1, "x"), nowhere, Path(), 0, epoch=EPOCH)
    one.asked = asked
    if asked is Owed.ACT:
        one.expect_act(tick=5, steps=1)
    return one


def body(kind: str, **more: object) -> dict[str, object]:
    return {"kind": kind, "epoch": EPOCH, "tick": 5, "answers": [0.5], **more}


def test_owed_frames_are_answers():
    assert resident(Owed.READY).take(body("ready")) is True
    assert resident(Owed.ACT).take(body("act")).answers == (0.5,)
    leaving = resident(Owed.BYE)
    assert leaving.take(body("bye", state=b"s")) is True
    assert (leaving.said_bye, leaving.state) == (True, b"s")


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        (Owed.NOTHING, body("bye")),
        (Owed.ACT, body("bye")),
        (Owed.ACT, body("hello")),
        (Owed.ACT, body("act", tick=6)),
        (Owed.ACT, body("act", answers=[])),
        (Owed.BYE, body("bye", state="text")),
    ],
)
def test_frame_out_of_turn_is_a_protocol_error(asked, sent):
    with pytest.raises(FrameError):
        resident(asked).take(sent)


@pytest.mark.parametrize(
    "stale",
    [body("act", tick=4), body("act", epoch=3), body("bye", epoch=3), body("ready")],
)
def test_stale_frame_is_dropped_until_it_is_a_flood(stale):
    one = resident(Owed.ACT)
    for _ in range(16):
        assert one.take(stale) is False
    with pytest.raises(FrameError, match="17 frames"):
        one.take(stale)


def test_second_act_is_an_error_even_when_the_next_tick_is_asked_already():
    one = resident(Owed.ACT)
    one.take(body("act"))
    one.asked = Owed.ACT
    one.expect_act(tick=6, steps=1)
    with pytest.raises(FrameError, match="answered tick 5 twice"):
        one.take(body("act"))


def test_act_that_comes_while_we_stop_is_dropped():
    one = resident(Owed.ACT)
    one.asked = Owed.BYE
    assert one.take(body("act")) is False
    assert one.take(body("bye", state=b"kept")) is True
