"""Operations: linear algebra."""
