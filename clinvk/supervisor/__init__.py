"""The supervisor: every process, every run, and the log each run writes."""
