"""Colonies: agents as processes with pipes, under a keeper that outlives the orchestrator."""
