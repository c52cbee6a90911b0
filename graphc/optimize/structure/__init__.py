"""Systems, determinants and products by what is known of their matrices."""
