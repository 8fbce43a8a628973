"""The server as a service of one user: systemd's user instance on Linux, launchd on macOS."""
