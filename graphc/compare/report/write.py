"""Writes a report's files: all are made before the first is written, each whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from graphc.compare.record import Comparison
from graphc.compare.report.clean import clean_svg
from graphc.compare.report.html import html_report
from graphc.compare.report.json import json_report
from graphc.compare.report.layout import picture_names
from graphc.compare.report.markdown import markdown_report
from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError, show_value
from graphc.core.files import make_folder, write_atomic

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


@guarded("write_report")
def write_report(comparisons: Sequence[Comparison], folder: str | os.PathLike[str]) -> list[Path]:
    """Writes report.html, report.md, report.json and the pictures (`STEM.svg`) into a folder.

    Args:
        comparisons: one record or more, in the order in which they are shown.
        folder: made with its parents unless it is there; files of these names are replaced.

    Returns:
        The files: the page first, the pictures last.

    Raises:
        FileError: the folder can't be made, or a file in it can't be written.
        ArgumentError: there is no comparison to report.
    """
    if not isinstance(comparisons, (list, tuple)):
        raise ArgumentError(
            f"{show_value(comparisons)} is no list of comparisons", "write [gx.compare(problem)]"
        )
    if not comparisons:
        raise ArgumentError("a report needs at least one comparison", "give one problem or more")
    for comparison in comparisons:
        if not isinstance(comparison, Comparison):
            raise ArgumentError(
                f"{show_value(comparison)} is no comparison",
                "give what gx.compare(problem) returns",
            )
    comparisons = [_with_clean_pictures(comparison) for comparison in comparisons]
    names = picture_names(comparisons)
    pictures = {
        f"{own[picture.stem]}.svg": f"{_HEAD}{picture.svg}\n"
        for comparison, own in zip(comparisons, names, strict=True)
        for picture in comparison.pictures
        if picture.svg
    }
    texts = {
        "report.html": html_report(comparisons, names),
        "report.md": markdown_report(comparisons, names),
        "report.json": json_report(comparisons, names),
        **pictures,
    }
    target = make_folder(folder)
    # The page comes last: where it is, all that it links to is there too.
    for name, text in reversed(texts.items()):
        write_atomic(target / name, text)
    return [target / name for name in texts]


def _with_clean_pictures(comparison: Comparison) -> Comparison:
    """Returns the record with its SVGs cleaned; empty where one can't be read."""
    pictures = tuple(
        replace(picture, svg=clean_svg(picture.svg) or "") for picture in comparison.pictures
    )
    return replace(comparison, pictures=pictures)
