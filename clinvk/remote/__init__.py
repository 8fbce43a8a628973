"""A server at the other end of HTTP, as `clinvk.monitor.Monitor`."""

from clinvk.remote.monitor import RemoteMonitor
from clinvk.remote.target import BadTarget

__all__ = ["BadTarget", "RemoteMonitor"]
