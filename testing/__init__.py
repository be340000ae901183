"""Brokers, cameras, rigs and rules that both the tests and the benchmarks use; never part of the product."""
