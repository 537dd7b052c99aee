"""Mains, battery and what to do when they go: readings in, states out."""
