"""The order of a derivative as an op's parameter: what it may be."""

from __future__ import annotations

from graphc.core.errors import ArgumentError, show_value

#: Derivatives beyond this one are refused: their work grows with the order.
MAX_ORDER = 100


def check_count(name: str, value: object, least: int, most: int = MAX_ORDER) -> None:
    """Raises ArgumentError unless a value is a Python integer from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ArgumentError(
            f"{name}={show_value(value)} is no count of derivatives from {least} to {most}",
            f"for example {name}={least}",
        )


def order_of(order: int) -> int:
    """Returns an order cut at MAX_ORDER: for error bounds, which need no more than its size."""
    return min(order, MAX_ORDER)
