"""Built-in providers; each is found by its entry point, as a third party's would be."""
