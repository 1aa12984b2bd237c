"""Ways to spread chunks of agents over workers."""
