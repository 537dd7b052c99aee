"""Emergency numbers, location and the ladder of attempts of an emergency call."""
