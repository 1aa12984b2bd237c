"""Hears stop and SIGTERM, and stays."""

import signal

import protocol

signal.signal(signal.SIGTERM, signal.SIG_IGN)
protocol.live(on_stop=lambda heard: None)
