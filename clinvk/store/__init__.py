"""What outlives a request: the run spool."""
