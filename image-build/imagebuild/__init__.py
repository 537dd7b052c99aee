"""Builds what a Raspberry Pi is flashed with, and its virtual twin."""
