"""Debug mode: where a value or an adjoint stops being a number, and where a gradient vanishes."""
