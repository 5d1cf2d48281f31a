"""Acquisitions: selectors that choose the next batch from what a trained model says: one file each."""

from perturbselect.registry import Registry

ACQUISITIONS = Registry(__name__, "acquisition")
