"""Random graphs against oracles: generate, judge, shrink, remember; see `run`."""
