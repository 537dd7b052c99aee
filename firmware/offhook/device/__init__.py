"""The device under the phone: its two slots, updates, and what is done at a start."""
