"""Equal blocks of a graph made one: a loop, or one batched call."""
