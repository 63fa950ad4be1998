"""The vendors in a box, with faults and a ledger: for demos, tests and load tests."""
