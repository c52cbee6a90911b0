"""Checkpoints: all that an exact resumption needs, in one safetensors file, never half written.

The arrays stand under `parameter/NAME`, `state/NAME`, `optimiser/PATH` and `best/NAME`; the
header's metadata holds one JSON text under `graphc`: what the training is (settings, graph, data),
where it stands (epoch, history, what is watched), and a digest of the arrays.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from safetensors import deserialize
from safetensors.numpy import save as to_bytes

from graphc.bridge.saved import DTYPE_NAMES
from graphc.core.errors import CheckpointError, FileError, show_value
from graphc.core.files import write_atomic
from graphc.train.data import Data
from graphc.train.loop import Course
from graphc.train.model import Model
from graphc.train.step import Carry
from graphc.train.stopping import Watch

#: What a checkpoint says it is, and the version that is written; no other is read.
FORMAT, VERSION = "graphc-checkpoint", 1
#: Settings that a resumed training may have otherwise.
_FREE = frozenset({"epochs", "whole_epochs"})
#: Bytes of the header that are looked at, at most: a foreign file may claim any length.
_HEADER = 2**28

_TENSOR_NAMES = {
    "BOOL": "bool", "U8": "uint8", "U16": "uint16", "U32": "uint32", "U64": "uint64",
    "I8": "int8", "I16": "int16", "I32": "int32", "I64": "int64",
    "F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64",
}  # fmt: skip


class Checkpoint:
    """The checkpoint of one training.

    Args:
        path: the file.
        settings: how `fit` was called.
        data: what it is trained on.
        model: the graph's parts.
    """

    def __init__(self, path: Any, settings: Mapping[str, Any], data: Data, model: Model) -> None:
        self.path = Path(path)
        self.settings = json.loads(json.dumps(settings, default=str))
        self.data = data.digest()
        self.model = model
        self._saved = 0

    # -- writing --

    def save_due(self, carry: Carry, course: Course, every: int, epochs: int) -> None:
        """Writes it where `every` epochs have passed, or the training ends."""
        ends = course.epoch >= epochs or bool(course.stopped)
        if ends or course.epoch // every > self._saved // every:
            self.save(carry, course)
            self._saved = course.epoch

    def save(self, carry: Carry, course: Course) -> None:
        """Writes it, whole or not at all; what was there before is replaced."""
        arrays = {f"parameter/{n}": v for n, v in carry.parameters.items()}
        arrays |= {f"state/{n}": v for n, v in carry.state.items()}
        arrays |= {f"optimiser/{n}": v for n, v in _leaves(carry.optimiser)}
        arrays |= {f"best/{n}": v for n, v in (course.best or {}).items()}
        plain = {n: np.ascontiguousarray(_raw(v)).reshape(np.shape(_raw(v))) for n, v in
                 arrays.items()}  # fmt: skip
        text = json.dumps({
            "format": FORMAT, "version": VERSION, "settings": self.settings, "data": self.data,
            "course": _course_text(course),
        })  # fmt: skip
        metadata = {"graphc": text, "digest": _digest(plain, text)}
        write_atomic(self.path, bytes(to_bytes(plain, metadata)))

    # -- reading --

    def load(self, carry: Carry, course: Course) -> Carry:
        """Returns the carry of the file and fills the course, or returns the first carry.

        Args:
            carry: the first carry, whose shapes the file's must have.
            course: is given what the file says.

        Raises:
            FileError: the file can't be read.
            CheckpointError: it is none, damaged, of another version, or of another training.
        """
        if not self.path.exists():
            return carry
        head, arrays = read_checkpoint(self.path)
        self._check_same(head)
        try:
            parameters = _named(arrays, "parameter/", carry.parameters)
            state = _named(arrays, "state/", carry.state)
            optimiser = _restored(arrays, carry.optimiser)
            _read_course(head["course"], course)
            course.best = None
            if course.watch is not None and not math.isnan(course.watch.best):
                course.best = _named(arrays, "best/", {**carry.parameters, **carry.state})
        except CheckpointError as error:
            raise self._refused(error.rule) from None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._refused(f"it is damaged: {type(error).__name__} in its text") from None
        self._saved = course.epoch
        return Carry(parameters, state, optimiser)

    def _check_same(self, head: Mapping[str, Any]) -> None:
        theirs = head.get("settings")
        if not isinstance(theirs, dict):
            raise self._refused("it has no settings")
        if theirs.get("graph") != self.settings["graph"]:
            raise self._refused("it belongs to another graph than this loss and its measures")
        for name, value in self.settings.items():
            if name not in _FREE and theirs.get(name) != value:
                raise self._refused(
                    f"it was written with {name}={show_value(theirs.get(name))}, this training "
                    f"has {show_value(value)}"
                )
        if head.get("data") != self.data:
            raise self._refused("it was written with other data")

    def _refused(self, rule: str) -> CheckpointError:
        return CheckpointError(
            f"the checkpoint {self.path.name!r} can't be resumed: {rule}",
            "resume with the same call, or begin anew with resume=False or another file",
        )


def read_checkpoint(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the JSON text's content and the arrays of a checkpoint, having seen it is whole.

    Raises:
        FileError: the file can't be read.
        CheckpointError: it is no checkpoint, or damaged, or of another version.
    """
    data = _bytes_of(path)

    def bad(rule: str) -> CheckpointError:
        return CheckpointError(
            f"the file {path.name!r} is no whole checkpoint: {rule}",
            "give the file of a training's checkpoint=, or begin anew",
        )

    if len(data) < 8:
        raise bad("it is too short")
    length = int.from_bytes(data[:8], "little")
    if length > min(_HEADER, len(data) - 8):
        raise bad("it ends before its header does, or is another kind of file")
    try:
        header = json.loads(data[8 : 8 + length])
        metadata = header["__metadata__"]
        text = str(metadata["graphc"])
        head = json.loads(text)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise bad("it has no header of ours") from None
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise bad("it is another kind of file")
    if head.get("version") != VERSION:
        raise CheckpointError(
            f"the checkpoint {path.name!r} has version {show_value(head.get('version'))}, this "
            f"graphc reads {VERSION}",
            "use the graphc that wrote it, or begin anew",
        )
    try:
        arrays = {
            name: np.frombuffer(
                tensor["data"], DTYPE_NAMES[_TENSOR_NAMES[tensor["dtype"]]].numpy
            ).reshape(tensor["shape"])
            for name, tensor in deserialize(data)
        }
    except Exception as error:
        raise bad(f"its arrays can't be read: {str(error)[:120]}") from None
    if _digest(arrays, text) != metadata.get("digest"):
        raise bad("its content is not what was written")
    return head, arrays


def _bytes_of(path: Path) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _EXTRA)
        with open(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise OSError("it is no plain file")
            return file.read()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FileError(
            f"the checkpoint {str(path)!r} can't be read: {reason}", "give another file"
        ) from None


_EXTRA = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def _digest(arrays: Mapping[str, Any], text: str) -> str:
    total = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16)
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        total.update(f"{name}:{array.dtype}:{array.shape};".encode())
        total.update(array.tobytes())
    return total.hexdigest()


# -- arrays ----------------------------------------------------------------------------------------


def _leaves(tree: Any) -> list[tuple[str, Any]]:
    found, _ = jax.tree_util.tree_flatten_with_path(tree)
    return [(jax.tree_util.keystr(path), leaf) for path, leaf in found]


def _is_key(value: Any) -> bool:
    return isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key)


def _raw(value: Any) -> Any:
    return np.asarray(jax.random.key_data(value) if _is_key(value) else value)


def _named(arrays: Mapping[str, Any], lead: str, like: Mapping[str, Any]) -> dict[str, Any]:
    have = {n.removeprefix(lead) for n in arrays if n.startswith(lead)}
    if have != set(like):
        odd = sorted(have ^ set(like))
        raise CheckpointError(f"its {lead.rstrip('/')}s differ: {', '.join(odd[:4])}")
    return {n: _fitting(arrays[lead + n], v, lead + n) for n, v in like.items()}


def _restored(arrays: Mapping[str, Any], like: Any) -> Any:
    named = _leaves(like)
    have = {n.removeprefix("optimiser/") for n in arrays if n.startswith("optimiser/")}
    if have != {name for name, _ in named}:
        raise CheckpointError("its optimiser is another one")
    leaves = [_fitting(arrays[f"optimiser/{n}"], v, f"optimiser{n}") for n, v in named]
    return jax.tree.unflatten(jax.tree.structure(like), leaves)


def _fitting(array: Any, like: Any, name: str) -> Any:
    raw = _raw(like)
    if array.shape != raw.shape or array.dtype != raw.dtype:
        raise CheckpointError(
            f"{name} is {array.dtype}{list(array.shape)} there and {raw.dtype}{list(raw.shape)} "
            "here"
        )
    made = jnp.asarray(np.array(array))
    return jax.random.wrap_key_data(made) if _is_key(like) else made


# -- the course ------------------------------------------------------------------------------------


def _course_text(course: Course) -> dict[str, Any]:
    return {
        "epoch": course.epoch, "history": course.history, "seconds": course.seconds,
        "entry_seconds": course.entry_seconds, "scale": course.scale, "stopped": course.stopped,
        "watch": _watch_text(course.watch), "plateau": _watch_text(course.plateau),
    }  # fmt: skip


def _watch_text(watch: Watch | None) -> list[Any] | None:
    if watch is None:
        return None
    return [
        watch.column, watch.larger, watch.min_delta, watch.best, watch.best_epoch, watch.waited,
    ]  # fmt: skip


def _watch(parts: Any) -> Watch | None:
    if parts is None:
        return None
    column, larger, min_delta, best, best_epoch, waited = parts
    return Watch(
        str(column), bool(larger), float(min_delta), float(best), int(best_epoch), int(waited)
    )


def _read_course(text: Mapping[str, Any], course: Course) -> None:
    course.epoch = int(text["epoch"])
    course.history = {str(k): [float(x) for x in v] for k, v in text["history"].items()}
    course.seconds = float(text["seconds"])
    course.entry_seconds = [float(x) for x in text["entry_seconds"]]
    course.scale = float(text["scale"])
    course.stopped = str(text["stopped"])
    course.watch, course.plateau = _watch(text["watch"]), _watch(text["plateau"])
