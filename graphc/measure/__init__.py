"""What a graph costs: nodes, flops, bytes, depth, HLO size, run time, peak memory."""
