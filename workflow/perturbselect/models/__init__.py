"""Models that predict the response to perturbations nobody measured: one file each."""

from perturbselect.registry import Registry

MODELS = Registry(__name__, "model")
