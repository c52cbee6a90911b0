"""Constants and parameters as keys: equal only where every bit is."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.core.dim import Dim
from graphc.core.dtype import DType
from graphc.core.type import TensorType


class Const:
    """A read-only array that equals another only bit for bit, dtype and shape included.

    Attributes:
        array: the values.
        number: the only element as a Python number, None where there are more or none.
        key: what tells it from others.
    """

    __slots__ = ("_hash", "array", "key", "number")

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        array = np.ascontiguousarray(array).reshape(array.shape)
        if array.flags.writeable:
            array = array.copy()
            array.flags.writeable = False
        data = array.tobytes()
        if len(data) > 64:
            import hashlib  # loads OpenSSL, which `import graphc` goes without

            data = hashlib.blake2b(data, digest_size=32).digest()
        self.array = array
        self.number: Any = array.item() if array.size == 1 else None
        self.key = (array.dtype.name, array.shape, data)
        self._hash = hash(self.key)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Const) and self.key == other.key)

    def __hash__(self) -> int:
        return self._hash


def freeze(value: Any) -> Any:
    """Returns a hashable stand-in that differs where the value differs in type or in any bit."""
    if isinstance(value, (str, DType, Dim, Const, TensorType)) or value is None:
        return value
    if isinstance(value, (bool, int)):
        return (type(value).__name__, value)
    if isinstance(value, float):
        return ("float", value.hex() if value == value else "nan")
    if isinstance(value, (tuple, list)):
        return tuple(map(freeze, value))
    return value if callable(value) or hasattr(value, "freeze_key") else repr(value)
