"""Windows that step over an input: sizes, strides, paddings and dilations as people write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.core.dim import Dim
from graphc.core.errors import ArgumentError, DimError, ShapeError, show_value
from graphc.core.type import MAX_ELEMENTS, Shape, Size, as_index

#: For each space axis the zeros before and after it; a negative number crops.
Padding = tuple[tuple[Size, Size], ...]

#: A window, a stride or a padding has at most so many elements: more than any array.
_LARGEST = MAX_ELEMENTS


def steps_of(value: Any, count: int, words: str, least: int = 1) -> tuple[int, ...]:
    """Returns one integer for each space axis from an integer or a sequence of them.

    Args:
        value: what the caller wrote.
        count: the number of space axes.
        words: the argument's name.
        least: the smallest integer that has a meaning.

    Raises:
        ArgumentError: it is none, is too small, or is for another number of axes.
    """
    given = list(value) if isinstance(value, (tuple, list)) else [value] * count
    if len(given) != count:
        raise ArgumentError(
            f"{words}={show_value(value)} is for {len(given)} space axes, the input has {count}",
            f"give one integer, or {count}",
        )
    found: list[int] = []
    for item in given:
        number = as_index(item)
        if number is None:
            raise ArgumentError(
                f"{words}={show_value(value)} is no integer", f"for example {words}={least}"
            )
        if not least <= number <= _LARGEST:
            size = "too large" if number > _LARGEST else f"below {least}"
            raise ArgumentError(
                f"{words}={show_value(value)} is {size}", f"for example {words}={least}"
            )
        found.append(number)
    return tuple(found)


def padding_of(
    value: Any, shape: Shape, window: Sequence[int], strides: Sequence[int], *, least: int = 0
) -> Padding:
    """Returns the zeros before and after each space axis.

    Args:
        value: `"valid"`, `"same"`, an integer for both ends of all axes, or for each axis an
            integer or a pair.
        shape: the input's space axes.
        window: how many elements of the input the window spans, its dilation counted.
        strides: how far the window moves.
        least: the smallest number that has a meaning at an end.

    Raises:
        ArgumentError: it is none of these.
        DimError: "same" with a stride over a size that is only named.
    """
    count = len(shape)
    if isinstance(value, str):
        name = value.lower() if len(value) <= 8 else value
        if name == "valid":
            return ((0, 0),) * count
        if name == "same":
            axes = zip(shape, window, strides, strict=True)
            return tuple([_same(*axis) for axis in axes])
        raise ArgumentError(
            f"padding={show_value(value)} is not known",
            'use "valid", "same", an integer, or a pair for each space axis',
        )
    given = list(value) if isinstance(value, (tuple, list)) else [value] * count
    if len(given) != count:
        raise ArgumentError(
            f"padding={show_value(value)} is for {len(given)} space axes, the input has {count}",
            "give one integer, or one pair for each space axis",
        )
    return tuple([_ends(item, value, least) for item in given])


def _ends(item: Any, whole: Any, least: int) -> tuple[int, int]:
    pair = list(item) if isinstance(item, (tuple, list)) else [item, item]
    ends = [as_index(p) for p in pair]
    if len(ends) != 2 or any(e is None for e in ends):
        raise ArgumentError(
            f"padding={show_value(whole)} are no integers",
            'use "valid", "same", an integer, or a pair for each space axis',
        )
    found: list[int] = [e for e in ends if e is not None]
    if min(found) < least or max(found) > _LARGEST:
        words = "negative" if min(found) < least else "too large"
        raise ArgumentError(
            f"padding={show_value(whole)} is {words}", "use 0 or more; slice the input to crop it"
        )
    return found[0], found[1]


def _same(size: Size, span: int, stride: int) -> tuple[int, int]:
    """Returns the padding after which ceil(size / stride) windows fit, the odd zero behind."""
    if isinstance(size, Dim):
        if stride != 1:
            raise DimError(
                f'padding "same" with stride {stride} depends on the number behind size {size}',
                "give the size as a number, or the padding as a pair",
            )
        total = span - 1
    else:
        total = max((-(-size // stride) - 1) * stride + span - size, 0)
    return total // 2, total - total // 2


def spans(window: Sequence[Size], dilation: Sequence[Size]) -> tuple[Size, ...]:
    """Returns how far windows (or inputs) reach when `dilation - 1` zeros stand between elements.

    They have an element at least: an empty axis is refused before.
    """
    return tuple([(w - 1) * d + 1 for w, d in zip(window, dilation, strict=True)])


def window_count(size: Size, low: Size, high: Size, span: Size, stride: Size, axis: int) -> Size:
    """Returns how many windows fit on one axis.

    Raises:
        ShapeError: not one does.
        DimError: with a named size the windows do not step evenly over it.
    """
    room = size + low + high - span
    if isinstance(room, Dim) or isinstance(stride, Dim):
        try:
            return room // stride + 1
        except DimError:
            raise DimError(
                f"windows of {span} at stride {stride} over space axis {axis} of the named size "
                f"{size} are not known in number",
                "give the size as a number, or as a multiple, for example gx.dim('n') * 2",
            ) from None
    if room < 0:
        padded = size + low + high
        more = "" if padded == size else f", {padded} with its padding"
        raise ShapeError(
            f"the window of {span} is larger than space axis {axis} of the input, of {size}{more}",
            'make the window smaller or pad, for example padding="same"',
        )
    return room // stride + 1


def is_pair(value: Any) -> bool:
    """Tells whether a record's parameter is a padding's pair of sizes."""
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and all(type(v) is int or isinstance(v, Dim) for v in value)
    )


def require_space(shape: Shape, words: str, most: int | None = 3) -> tuple[Size, ...]:
    """Returns the space axes of `[batch, *space, channels]`.

    Raises:
        ShapeError: there are none, more than three, or an empty one.
    """
    count = len(shape) - 2
    if count < 1 or (most is not None and count > most):
        raise ShapeError(
            f"{words} has {len(shape)} axes, not [batch, *space, channels] with "
            f"{'1 to 3' if most else '1 or more'} space axes",
            "reshape it, for example x[None, :, :, None]",
        )
    space = shape[1:-1]
    for axis, size in enumerate(space):
        if isinstance(size, int) and size == 0:
            raise ShapeError(f"space axis {axis} of {words} is empty", "give it an element or more")
    return space
