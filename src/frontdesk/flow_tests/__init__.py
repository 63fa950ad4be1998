"""Examples of conversations beside the flows, and what plays them."""
