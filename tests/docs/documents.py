"""Runs the Python examples of one document: `python -m tests.docs.documents FILE`."""

from __future__ import annotations

import doctest
import sys
from pathlib import Path

from sybil import Sybil
from sybil.example import SybilFailure
from sybil.parsers.markdown import PythonCodeBlockParser


def run_examples(path: Path) -> tuple[int, list[str]]:
    """Runs every Python block of a document in one namespace.

    Returns:
        How many there were, and what failed.
    """
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    document = Sybil(parsers=[PythonCodeBlockParser(doctest_optionflags=flags)]).parse(path)
    count, failures = 0, []
    for example in document.examples():
        count += 1
        try:
            example.evaluate()
        except SybilFailure as failure:
            failures.append(f"{path.name}:{example.line}: {failure.result}")
    return count, failures


if __name__ == "__main__":
    seen, failed = run_examples(Path(sys.argv[1]).resolve())
    print("\n".join([*failed, str(seen)]))
    sys.exit(bool(failed))
