"""Codecs: bytes to int16 samples and back."""
