"""Pictures of flows: as Mermaid, as SVG with a layout of our own, as PNG."""
