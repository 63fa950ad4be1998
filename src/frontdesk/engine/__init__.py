"""The work around the rules: take events in, perform effects, report what became of them."""
