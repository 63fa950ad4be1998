"""Authored flows: read from YAML, checked, described by a JSON Schema. What comes out is `core.flow`'s data."""
