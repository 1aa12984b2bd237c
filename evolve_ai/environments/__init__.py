"""Worlds that pay and charge energy."""
