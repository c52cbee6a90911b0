"""Operations on neighbouring slices made one on the whole."""
