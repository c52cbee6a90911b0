"""Operations: random numbers from keys."""
