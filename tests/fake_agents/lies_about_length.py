"""Announces a frame of 4 GiB."""

import protocol

protocol.live(lambda heard: protocol.write(b"\xff\xff\xff\xff\x00\x00\x00\x00"))
