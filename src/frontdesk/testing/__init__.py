"""Shipped for authors of plugins: contracts, doubles, the simulator."""
