"""Certificates of one's own, made by openssl."""

import shutil
import subprocess
from pathlib import Path

import pytest


def certificate(folder: Path, name: str) -> tuple[str, str]:
    """A certificate that signs itself, for `name` and 127.0.0.1, and its key: two files of PEM."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    _openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1",
        "-keyout", str(key), "-out", str(cert),
    )  # fmt: skip
    return str(cert), str(key)


def encrypted(key: str, folder: Path) -> str:
    """The same key under a password."""
    locked = str(folder / "locked.pem")
    _openssl("pkcs8", "-topk8", "-in", key, "-out", locked, "-passout", "pass:secret")
    return locked


def _openssl(*arguments: str) -> None:
    if not shutil.which("openssl"):
        pytest.skip("openssl makes the certificates")
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
