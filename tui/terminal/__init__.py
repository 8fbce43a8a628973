"""The terminal: taken for the console, shared with the server, given back."""
