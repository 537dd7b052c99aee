"""The simulated phone: board, exchange and page."""
