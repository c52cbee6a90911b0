"""Large graphs of scalars as blocks for a machine that runs inside XLA."""
