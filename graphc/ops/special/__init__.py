"""Operations: special functions."""
