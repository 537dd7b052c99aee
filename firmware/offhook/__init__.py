"""offhook: phone firmware that turns a Raspberry Pi into a real telephone."""

__version__ = "0.1.0"
