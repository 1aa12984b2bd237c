"""Asks for a socket at its first percept."""

import _socket

import protocol


def ask(heard):
    _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
    protocol.act(heard)


protocol.live(ask)
