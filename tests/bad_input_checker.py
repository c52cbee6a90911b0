"""What every wrong call is held to: an error of ours, at the caller's line, with a way out."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import graphc as gx

#: What is asked, the error, and what its text must hold (names, numbers, the rule).
Case = tuple[Callable[[], Any], type[gx.GraphcError], str]


def flat(cases: Mapping[str, Sequence[Case]]) -> Iterator[Any]:
    """Yields all cases with a readable id."""
    for group, listed in cases.items():
        for number, case in enumerate(listed):
            yield pytest.param(*case, id=f"{group}-{number}")


def lines_of(code: types.CodeType) -> set[int]:
    """Returns the lines of a function."""
    return {line for _, _, line in code.co_lines() if line}


def check_case(
    call: Callable[[], Any], kind: type[gx.GraphcError], words: str, folder: Path
) -> None:
    """Asserts that a call ends as it must, and leaves no file in the folder it stands in."""
    with pytest.raises(gx.GraphcError) as caught:
        call()
    text = str(caught.value)
    assert isinstance(caught.value, kind), text
    here = Path(call.__code__.co_filename).name
    found = re.search(re.escape(here) + r":(\d+)", text)
    assert found, text
    assert int(found[1]) in lines_of(call.__code__), text
    assert words in text, text
    assert caught.value.mend, text
    assert len(text) < 3000
    assert not list(folder.iterdir())


def wrong_calls(cases: Mapping[str, Sequence[Case]]) -> Callable[..., None]:
    """Returns the test that every one of these calls ends as it must."""

    @pytest.mark.parametrize(("call", "kind", "words"), list(flat(cases)))
    def test(
        call: Callable[[], Any],
        kind: type[gx.GraphcError],
        words: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        check_case(call, kind, words, tmp_path)

    return test
