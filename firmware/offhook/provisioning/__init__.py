"""Config from afar: fetched, verified whole, applied when idle, kept once the phone registers with it, else undone."""
