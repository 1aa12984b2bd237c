"""Archives: they decide which candidates of a search may be parents."""
