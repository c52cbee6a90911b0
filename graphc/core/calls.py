"""The guards around functions people call: a wrong argument is an ArgumentError at their line."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

from graphc.core.errors import (
    ArgumentError,
    GraphcError,
    called_from_within,
    not_our_own,
    user_place,
)
from graphc.core.naming import call_text

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def guarded(
    name: str, *, direct: bool = False
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Decorates a function that people call as `name`.

    A missing, extra or misspelt argument is an ArgumentError; every GraphcError says what was
    called, unless it names an inner call already; with `direct` only where a person called it,
    and not a function of graphc's.
    """

    def decorate(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        @functools.wraps(function)
        def called(*args: Parameters.args, **named: Parameters.kwargs) -> Result:
            try:
                return function(*args, **named)
            except GraphcError as error:
                # An error with a place of its own, a line of a FILE.py, is not about this call.
                own = direct and called_from_within(2)
                if not error.call and not own and error.place == user_place():
                    error.call = _call(name, args, named)
                raise
            except TypeError as error:
                # Raised by this very call, and not by something within.
                if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                    found = not_our_own(error)
                    if found is None:
                        raise
                    found.call = _call(name, args, named)
                    raise found from None
                raise ArgumentError(
                    _words(error, function.__qualname__, name),
                    f"see help(graphc.{name})",
                    call=_call(name, args, named),
                ) from None
            except (RecursionError, ValueError, MemoryError) as error:
                found = not_our_own(error)
                if found is None:
                    raise
                found.call = _call(name, args, named)
                raise found from None

        return called

    return decorate


def _call(name: str, args: tuple[Any, ...], named: dict[str, Any]) -> str:
    inside = (
        name in ("Problem", "Graph") and args
    )  # its first argument is the object that is being made
    return call_text(name, args[1:] if inside else args, named)


def _words(error: TypeError, qualname: str, name: str) -> str:
    return str(error).replace(f"{qualname}()", name)


#: The functions people call, by name, where they do more than apply the op of that name; and how a
#: notebook shows a node. Filled by `graphc.ops` and `graphc.render`, which sit above core.
public_functions: dict[str, Callable[..., Any]] = {}


def public(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Enters a function people call under its own name, so that operators and methods find it.

    Its errors carry the call with the operands' names; a wrong argument is an ArgumentError.
    """
    name = function.__name__.rstrip("_")

    @functools.wraps(function)
    def called(*args: Parameters.args, **options: Parameters.kwargs) -> Result:
        try:
            return function(*args, **options)
        except GraphcError as error:
            error.call = call_text(name, args, options)
            raise
        except TypeError as error:
            if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
                raise standing_for(error, name, args, options) from None
            words = str(error).replace("()", "")
            raise ArgumentError(
                words, f"see help(graphc.{name})", call=call_text(name, args, options)
            ) from None
        except (RecursionError, ValueError, MemoryError) as error:
            raise standing_for(error, name, args, options) from None

    public_functions[name] = called
    return called


def standing_for(
    error: Exception, name: str, operands: Sequence[Any], options: Mapping[str, Any]
) -> Exception:
    """Returns the error of ours that stands for one of Python's, or that one where none does."""
    found = not_our_own(error)
    if found is None:
        return error
    found.call = call_text(name, operands, options)
    return found
