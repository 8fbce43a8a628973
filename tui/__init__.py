"""The console: a Textual application that sees a server through `clinvk.monitor.Monitor` alone."""
