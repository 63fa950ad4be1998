"""Frontdesk answers a business's WhatsApp number; `__version__` and nothing else lives here."""

__version__ = "0.1.0"
