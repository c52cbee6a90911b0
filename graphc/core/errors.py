"""Every error graphc raises: what broke, in whose names, at the user's own line, and a way out."""

from __future__ import annotations

import bisect
import os
import reprlib
import sys
from types import CodeType, FrameType

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
#: Files between the user and graphc that are not the user's: NumPy's dispatch, generated code.
_STANDARD = os.path.dirname(os.__file__)
_FOREIGN = (
    *(f"{os.sep}{name}{os.sep}" for name in ("numpy", "jax", "sympy", "mpmath", "ml_dtypes")),
    *(f"{_STANDARD}{os.sep}{name}.py" for name in ("contextlib", "functools", "reprlib", "copy")),
    "<string>",
)

Place = tuple[str, int]
_places: dict[Place, Place] = {}
#: Whether a file is the user's, by its name; the name and not the code object is the key, for
#: Python hashes code anew each time.
_is_users: dict[str, bool] = {}


def user_place(depth: int = 1) -> Place | None:
    """Returns (file, line) of the innermost calling frame outside graphc, or None."""
    # `inspect.stack` reads source files: too slow for every node.
    frame = sys._getframe(depth)  # pyright: ignore[reportPrivateUsage]
    while frame is not None:
        code = frame.f_code
        file = code.co_filename
        users = _is_users.get(file)
        if users is None:  # once for each file, for this runs at every node
            users = _is_callers(file)
        if users:
            key = (id(code), frame.f_lasti)
            known = _instructions.get(key)
            return known[0] if known else _place_of(code, frame, key)
        frame = frame.f_back
    return None


#: The place of an instruction, by the `id` of its code object, which the entry keeps alive, and
#: its offset: code objects are slow to hash.
_instructions: dict[tuple[int, int], tuple[Place, CodeType]] = {}
#: Python finds a line by reading a function's table of lines from its start. A program that wrote
#: itself may have 100,000 lines in one function: past so many bytes the table is read once.
_LONG = 4096
_line_tables: dict[int, tuple[CodeType, list[int], list[int | None]]] = {}


def _place_of(code: CodeType, frame: FrameType, key: tuple[int, int]) -> Place:
    """Returns the place where a frame stands, and remembers it."""
    line = _line(code, frame.f_lasti) if len(code.co_linetable) > _LONG else frame.f_lineno
    place = (code.co_filename, line)
    place = _places.setdefault(place, place)
    if len(_instructions) > 4096:
        _instructions.clear()
    _instructions[key] = place, code
    return place


def _line(code: CodeType, instruction: int) -> int:
    known = _line_tables.get(id(code))
    if known is None:
        if len(_line_tables) > 15:
            _line_tables.clear()
        table = list(code.co_lines())
        known = _line_tables[id(code)] = code, [t[0] for t in table], [t[2] for t in table]
    _, starts, lines = known
    return lines[bisect.bisect_right(starts, instruction) - 1] or code.co_firstlineno


def _is_callers(file: str) -> bool:
    """Tells whether a file is neither graphc's nor of a package that stands in between."""
    users = not file.startswith(_PACKAGE) and not any(p in file for p in _FOREIGN)
    _is_users[file] = users
    return users


def show_value(value: object, limit: int = 60) -> str:
    """Returns what `repr` says of anything a user passed, cut; it never fails and never runs on.

    A `repr` may raise, recurse through a list that holds itself, or be that of an integer with
    more digits than Python writes.
    """
    if type(value) is int and value.bit_length() > 1000:
        return f"an integer of {value.bit_length():,} bits"
    try:
        text = " ".join(_short_repr(value).split("\n"))  # an array's has several lines
    except Exception:  # whatever a user's own __repr__ raises
        text = f"<{type(value).__name__}>"
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _short_repr(value: object) -> str:
    if isinstance(value, str | bytes):
        return repr(value[:200])
    return _brief.repr(value) if isinstance(value, list | tuple | set | dict) else repr(value)


_brief = reprlib.Repr()
_brief.maxlist = _brief.maxtuple = _brief.maxset = _brief.maxdict = 12
_brief.maxlong = _brief.maxstring = _brief.maxother = 60


def show_place(place: Place | None) -> str:
    """Returns `file.py:LINE`, or an empty string where the place is not known."""
    return f"{os.path.basename(place[0])}:{place[1]}" if place and place[0] else ""


#: Characters of an error's rule; what is longer is cut in the middle.
_LONGEST_RULE = 1000


def called_from_within(depth: int = 1) -> bool:
    """Tells whether the frame `depth` above is graphc's own."""
    code = sys._getframe(depth).f_code  # pyright: ignore[reportPrivateUsage]
    return code.co_filename.startswith(_PACKAGE)


class GraphcError(Exception):
    """Base of all errors: `CALL at FILE:LINE: RULE; MEND`.

    Args:
        rule: the rule that broke, in words.
        mend: one way to mend it.
        call: what was asked, with the operands as the user named them.
        place: (file, line) of the user; taken from the stack when not given.
    """

    def __init__(
        self, rule: str, mend: str = "", *, call: str = "", place: Place | None = None
    ) -> None:
        if len(rule) > _LONGEST_RULE:  # somebody's text of a megabyte stands in it
            rule = f"{rule[: _LONGEST_RULE * 3 // 4]} ... {rule[-_LONGEST_RULE // 4 :]}"
        super().__init__(rule)
        self.rule = rule
        self.mend = mend
        self.call = call
        self.place = place or user_place(2)

    def __str__(self) -> str:
        place = show_place(self.place)
        head = " at ".join(part for part in (self.call, place) if part)
        tail = "; ".join(part for part in (self.rule, self.mend) if part)
        return f"{head}: {tail}" if head else tail


class ShapeError(GraphcError, TypeError):
    """Sizes that do not fit each other."""


class DTypeError(GraphcError, TypeError):
    """A dtype where it can't be used, or two that can't meet."""


class PrecisionError(GraphcError, TypeError):
    """A precision was asked for that would silently become a lower one."""


class AxisError(GraphcError, ValueError, IndexError):
    """An axis that the value does not have, or has twice."""


class IndexingError(GraphcError, IndexError):
    """An index out of range, or of a kind that can't index."""


class ArgumentError(GraphcError, TypeError):
    """A missing, extra or wrong argument."""


class NameClashError(GraphcError, ValueError):
    """One name given to two different inputs."""


class DivisionError(GraphcError, ZeroDivisionError):
    """An integer divided by 0, found in debug mode."""


class RangeError(GraphcError, OverflowError):
    """A number that its dtype can't hold, found in debug mode: it would wrap around."""


class SingularError(GraphcError, ArithmeticError):
    """A matrix without an inverse or a Cholesky factor, found in debug mode."""


class StructureError(GraphcError, ValueError):
    """A value that is not what `gx.assume` says of it, found in debug mode."""


class DimError(GraphcError, ValueError):
    """A named size bound to two numbers, or to none, or divided inexactly."""


class GradError(GraphcError, TypeError):
    """A derivative that can't be taken."""


class EngineError(GraphcError, ValueError):
    """An engine that is unknown, or does not apply here; the reason is in the text."""


class FormulaError(GraphcError, ValueError):
    """A formula in a string that can't be read; the text shows the column with a caret."""


class FormatError(GraphcError, ValueError):
    """A picture or file format that is not known."""


class FileError(GraphcError, OSError):
    """A file that can't be read, or a folder that can't be written."""


class SavedGraphError(GraphcError, ValueError):
    """A file that is no saved graph, or a graph that can't be saved."""


class CheckpointError(GraphcError, ValueError):
    """A file that is no checkpoint, a damaged one, or that of another model or training."""


class DivergedError(GraphcError, ArithmeticError):
    """A training whose loss or parameters are no longer finite."""


class PackageError(GraphcError, ImportError):
    """A package that is not installed, and is needed for what was asked."""


class BudgetError(GraphcError, RuntimeError):
    """Work that would pass its stated budget."""


class ForkError(GraphcError, RuntimeError):
    """JAX asked for in a process that was forked after JAX had started."""


class RenderError(GraphcError, RuntimeError):
    """A picture that could not be laid out."""


def not_our_own(error: Exception) -> GraphcError | None:
    """Returns the error that stands for one of Python's that a wrong argument led to, or None.

    What a caller's own function raised, a block's or an initialiser's, stays as it is.
    """
    if _went_through_callers_code(error):
        return None
    words = str(error)
    if isinstance(error, RecursionError):  # no pass recurses over a graph: it was a nest
        return BudgetError(
            "an argument nests too deep for Python, or holds itself", "pass a flatter nest"
        )
    if isinstance(error, MemoryError):
        return BudgetError("the memory of this machine is too small for it", "make it smaller")
    if words.startswith("Exceeds the limit"):
        return ArgumentError("an integer is too long to be written out", "pass a float")
    if words.startswith(("The truth value of an", "Cannot compare structured", "ufunc '")):
        return ArgumentError("an array stands where one value belongs", "pass the value itself")
    if words.startswith("unhashable type"):
        return ArgumentError(f"an argument is of the wrong kind: {words}", "pass one value")
    return None


def _went_through_callers_code(error: Exception) -> bool:
    trace = error.__traceback__
    trace = None if trace is None else trace.tb_next
    while trace is not None:
        if _is_callers(trace.tb_frame.f_code.co_filename):
            return True
        trace = trace.tb_next
    return False


class NonDifferentiableWarning(UserWarning):
    """The derivative passes through an op that is piecewise constant: it is 0 there."""


class DenseWarning(UserWarning):
    """A sparse derivative was asked for where most entries can differ from 0."""
