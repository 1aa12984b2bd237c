"""Languages an agent can be written in: read, wire, audit, measure, build."""
