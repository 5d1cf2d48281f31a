"""Strategies that choose which perturbations to measure: one file each."""

from perturbselect.registry import Registry

STRATEGIES = Registry(__name__, "strategy")
