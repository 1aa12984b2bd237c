"""Evolve AI: breed populations of real programs."""

__version__ = "0.2.0"
