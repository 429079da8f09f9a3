"""Benchmarks: medians and ratios to a baseline measured in the same run. They gate nothing."""
