"""Sinks of committed events, and the notifier that hands events to them."""
