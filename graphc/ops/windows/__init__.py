"""Operations: convolutions and pooling."""
