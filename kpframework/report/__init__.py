"""Tables, plots and one self-contained page, all made from the content of ``results.json``."""

from kpframework.report.model import load_results
from kpframework.report.page import external_references, write_page, write_report
from kpframework.report.table import markdown_table, plain_table, show_table, terminal_table

__all__ = [
    "external_references",
    "load_results",
    "markdown_table",
    "plain_table",
    "show_table",
    "terminal_table",
    "write_page",
    "write_report",
]
