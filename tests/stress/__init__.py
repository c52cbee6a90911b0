"""Long trials with figures: damaged files, killed writers. Each has a command and a seed."""
