"""Convolution and pooling by XLA's own instructions for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax


def conv(
    xp: Any,
    x: Any,
    kernel: Any,
    *,
    strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    x_dilation: Sequence[int],
    kernel_dilation: Sequence[int],
    groups: int,
    batch_groups: int,
    layouts: Sequence[Sequence[int]],
) -> Any:
    """Returns the convolution; the layouts name axes, so that nothing is transposed for it."""
    return lax.conv_general_dilated(
        x,
        kernel,
        tuple(strides),
        tuple(padding),
        lhs_dilation=tuple(x_dilation),
        rhs_dilation=tuple(kernel_dilation),
        dimension_numbers=lax.ConvDimensionNumbers(*[tuple(a) for a in layouts]),
        feature_group_count=groups,
        batch_group_count=batch_groups,
    )


def max_pool(xp: Any, x: Any, window: Any, strides: Any, padding: Any) -> Any:
    """Returns the largest element of each window; NaN where it holds one."""
    full = _full(window, strides, padding)
    return lax.reduce_window(x, _lowest(x.dtype), lax.max, *full)


def sum_pool(xp: Any, x: Any, window: Any, strides: Any, padding: Any, dilation: Any) -> Any:
    """Returns the sum of each window over the input with zeros between its elements."""
    return lax.reduce_window(
        x,
        jnp.zeros((), x.dtype),
        lax.add,
        *_full(window, strides, padding),
        base_dilation=(1, *dilation, 1),
    )


def _full(window: Any, strides: Any, padding: Any) -> tuple[Any, Any, Any]:
    return (1, *window, 1), (1, *strides, 1), ((0, 0), *padding, (0, 0))


def _lowest(dtype: Any) -> Any:
    if jnp.issubdtype(dtype, jnp.floating):
        return jnp.asarray(-jnp.inf, dtype)
    return jnp.asarray(jnp.iinfo(dtype).min, dtype)
