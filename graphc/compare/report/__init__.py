"""The report of a comparison: one HTML page, Markdown, JSON and the pictures beside them."""

from graphc.compare.report.write import picture_names, write_report

__all__ = ["picture_names", "write_report"]
