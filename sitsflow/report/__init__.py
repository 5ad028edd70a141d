"""The run's report: one HTML file that needs nothing else."""

from sitsflow.report.page import write_report

__all__ = ["write_report"]
