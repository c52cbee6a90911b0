"""Operations: moving, choosing, ordering and scanning elements of tensors."""
