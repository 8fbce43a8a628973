"""/console: the console in a browser. A page with a terminal, and the socket behind it."""
