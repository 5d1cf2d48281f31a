"""Screens: where they come from, their checks, and what becomes of them up to the split."""
