"""The model `histogram_network`: tilted histograms, and the networks that say how much to tilt."""
