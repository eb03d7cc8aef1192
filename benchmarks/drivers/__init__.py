"""Timings with pytest-benchmark: `pytest benchmarks`."""
