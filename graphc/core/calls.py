"""The guard around functions people call: a wrong argument is an ArgumentError at their line."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from graphc.core.errors import ArgumentError, GraphcError, user_place

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def guarded(name: str) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Decorates a function that people call as `name`.

    A missing, extra or misspelt argument is an ArgumentError; every GraphcError says what was
    called, unless it names an inner call already.
    """

    def decorate(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        @functools.wraps(function)
        def called(*args: Parameters.args, **named: Parameters.kwargs) -> Result:
            try:
                return function(*args, **named)
            except GraphcError as error:
                # An error with a place of its own, a line of a FILE.py, is not about this call.
                if not error.call and error.place == user_place():
                    error.call = _call(name, args, named)
                raise
            except TypeError as error:
                # Raised by this very call, and not by something within.
                if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                    raise
                raise ArgumentError(
                    _words(error, function.__qualname__, name),
                    f"see help(graphc.{name})",
                    call=_call(name, args, named),
                ) from None

        return called

    return decorate


def _call(name: str, args: tuple[Any, ...], named: dict[str, Any]) -> str:
    from graphc.core.node import call_text  # nodes stand above this file

    inside = name == "Problem" and args  # its first argument is the object that is being made
    return call_text(name, args[1:] if inside else args, named)


def _words(error: TypeError, qualname: str, name: str) -> str:
    return str(error).replace(f"{qualname}()", name)
