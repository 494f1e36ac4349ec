"""Statistics that measuring and tables share: resamples, intervals."""
