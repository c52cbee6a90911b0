"""What a graph's values take while it runs, and how that is held to a budget."""
