"""Choose the genes that a Perturb-seq screen should perturb.

The package takes arrays, AnnData objects and tables and returns the same; it
knows nothing of Snakemake. The workflow in ``workflow/rules`` calls it.
"""

__version__ = "0.1.0"
