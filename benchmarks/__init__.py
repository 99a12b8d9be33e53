"""Ratio benchmarks against peers and physical limits; ``python -m benchmarks`` prints the table."""
