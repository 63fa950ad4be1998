"""The service on the wire: webhooks, health, metrics."""
