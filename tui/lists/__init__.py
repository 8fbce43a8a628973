"""Many rows, filtered and in order. Pure."""
