"""The console of `clinvk serve --tui`. Nothing here yet: clinvk/monitor.py defines what it will see."""
