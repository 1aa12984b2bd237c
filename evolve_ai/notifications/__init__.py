"""Sinks for events: log file, hooks, webhooks."""
