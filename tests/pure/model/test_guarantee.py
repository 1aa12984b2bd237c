"""What a sandbox that is not whole is worth."""

from evolve_ai.model.guarantee import Guarantee, Sandbox
from evolve_ai.model.sandbox import Level


def test_what_a_machine_refuses_is_told_and_opens_no_box() -> None:
    crashes = Guarantee("crashes", False, "a hard limit of 0")
    sandbox = Sandbox(Level.LANDLOCK, (crashes, Guarantee("files", True, "")))
    assert sandbox.opened == ()
    assert (
        str(sandbox)
        == "landlock: incomplete, these guarantees do not hold here: crashes (a hard limit of 0)"
    )


def test_what_opens_a_box_is_not_gone_on_with() -> None:
    files = Guarantee("files", False, "it was read")
    sandbox = Sandbox(Level.LANDLOCK, (Guarantee("oom", False, ""), files))
    assert sandbox.opened == (files,)
