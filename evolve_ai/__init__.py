"""Evolve AI: breed populations of real programs."""

__version__ = "0.3.0.dev0"
