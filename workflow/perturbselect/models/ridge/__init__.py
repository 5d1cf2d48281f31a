"""Kernel ridge regression: the fit, and the choice of penalty and mixture by leave-one-out."""
