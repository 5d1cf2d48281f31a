"""Knowledge graphs: from sources to graphs, kernels and receptive fields."""
