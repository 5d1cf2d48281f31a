"""Machinery that strategies share."""
