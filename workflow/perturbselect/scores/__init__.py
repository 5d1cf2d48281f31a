"""Scores of predictions, and the statistics and tables made of them."""
