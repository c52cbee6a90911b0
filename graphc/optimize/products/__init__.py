"""Products of several matrices, and sums of them, in the form that costs least."""
