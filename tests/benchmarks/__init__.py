"""Figures that are shown, never asserted: `python -m tests.benchmarks [--quick] [row ...]`."""
