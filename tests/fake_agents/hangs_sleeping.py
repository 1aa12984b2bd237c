"""Sleeps for ever at its first percept."""

import time

import protocol

protocol.live(lambda heard: time.sleep(3600))
