"""What several acquisitions share: feature transforms, distances, fused kernels, the batch."""
