"""What the tabs of a run's screen show."""
