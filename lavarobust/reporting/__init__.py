"""What a person reads: tables of evaluated runs, as text, Markdown and JSON."""

from lavarobust.reporting.tables import Table, accuracy_table, energy_table, work_table
from lavarobust.reporting.write import ReportResult, report

__all__ = ["ReportResult", "Table", "accuracy_table", "energy_table", "report", "work_table"]
