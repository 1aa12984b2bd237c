"""Answers every step with the step plus one; its state counts the percepts it lived."""

import protocol

protocol.live()
