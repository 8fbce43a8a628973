"""Whether a host to bind is reached from this machine only."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """By its name alone: nobody is asked, and a name that is unknown counts as open to others."""
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"
