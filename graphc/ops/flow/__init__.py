"""Operations: branches and loops as sub-graph operations."""
