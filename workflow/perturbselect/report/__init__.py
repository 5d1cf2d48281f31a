"""Figures and pages of the report: one file each."""
