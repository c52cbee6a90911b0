"""What a graph costs: nodes, flops, bytes, depth, XLA instructions, seconds, memory."""
