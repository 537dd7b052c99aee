"""Fetching, verifying and applying a config from afar."""
