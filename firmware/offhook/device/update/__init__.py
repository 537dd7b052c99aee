"""Updates: fetched, installed into the other slot, tried by one start, kept or given up."""
