"""Says bye and does not go."""

import protocol

protocol.live(on_stop=lambda heard: protocol.answer(heard, "bye", state=b"kept"))
