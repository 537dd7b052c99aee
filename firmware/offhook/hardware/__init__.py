"""Thin adapters from gpiozero devices to the engine's ports."""
