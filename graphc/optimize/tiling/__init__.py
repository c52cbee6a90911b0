"""Long axes in blocks: what is computed row by row, for so many rows at a time as a cache holds."""
