"""Colonies: the processes and pipes of agents, under a keeper that outlives us."""
