"""The configuration: its faults, who may write it, and what it names."""

import os
import shutil
import socket
import subprocess

import pytest

from clinvk.doctor import certificate, configuration, tls
from tests.conftest import Later

KEY = "a-key-that-is-long-enough-31337-31337-31337"


@pytest.fixture
def found(machine):
    return lambda text="", mode=0o600: (machine.configure(text, mode), machine.found(configuration.findings))[1]


def test_without_a_file_the_defaults_are_fine(machine):
    finding = machine.found(configuration.findings).one("config-file")
    assert finding.level == "ok"
    assert "is not there, and the defaults are fine" in finding.message


def test_every_fault_is_a_problem_with_its_line(found, machine):
    faults = found("server:\n  prot: 1\n  host: 1\n").of("config-file")
    assert [str(each.level) for each in faults] == ["problem", "problem"]
    assert [each.message.partition(" ")[0] for each in faults] == [
        f"{machine.home}/config.yaml:2:3:",
        f"{machine.home}/config.yaml:3:9:",
    ]


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_a_problem(found, mode):
    finding = found(mode=mode).one("config-mode")
    assert finding.level == "problem"
    assert f"{mode:04o}" in finding.message


def test_a_file_that_others_may_read_matters_only_if_it_sets_variables(found):
    assert found(mode=0o644).of("config-mode") == []
    text = "backends:\n  claude:\n    env:\n      TOKEN: '31337'\n"
    told = found(text, 0o644)
    assert told.level("config-mode") == "warning"
    assert "31337" not in str(told)
    assert found(text, 0o600).of("config-mode") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_a_file_of_another_user_is_a_problem(found, machine):
    os.chown(machine.configure(""), 4711, 4711)
    assert machine.found(configuration.findings).level("config-mode") == "problem"


def test_no_keys_are_a_note_on_loopback_and_a_warning_where_every_user_may_ask(found):
    assert found().level("config-keys") == "note"
    assert found("server:\n  local_users: any\n").level("config-keys") == "warning"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
def test_no_keys_beyond_loopback_are_a_loud_problem(found, machine, host):
    text = f"server:\n  host: '{host}'\n"
    finding = found(text).one("config-exposed")
    assert finding.level == "problem"
    assert "WHOEVER REACHES THE PORT OWNS THIS MACHINE" in finding.message
    machine.set(CLINVK_API_KEYS=KEY)
    told = found(text)
    assert told.level("config-exposed") == "warning"  # keys, and no TLS
    assert KEY not in str(told)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.1.2.3"])
def test_loopback_is_not_exposed(found, host):
    assert found(f"server:\n  host: '{host}'\n").of("config-exposed") == []


def test_keys_are_told_by_their_source_alone(found, machine):
    machine.set(CLINVK_API_KEYS=KEY)
    told = found()
    assert told.one("config-keys").message == "clients have to show an API key: CLINVK_API_KEYS"
    assert KEY not in str(told)


def test_a_server_that_requires_keys_and_has_none_does_not_start(found):
    finding = found("server:\n  require_auth: true\n").one("config-keys")
    assert (finding.level, "the server does not start" in finding.message) == ("problem", True)


@pytest.mark.parametrize(
    ("text", "mode"), [(None, 0), ("keys: {}\n", 0o600), ("keys: {}\n", 0o644), ("31337: [", 0o600)]
)
def test_a_key_file_that_the_server_refuses_is_a_problem(found, machine, text, mode):
    file = machine.user / "keys.yaml"
    if text is not None:
        machine.file("keys.yaml", text, mode)
    told = found(f"server:\n  api_keys_file: {file}\n")
    assert {str(each.level) for each in told.of("config-keys-file")} == {"problem"}
    assert all(str(file) in each.message for each in told.of("config-keys-file"))


def test_gopass_that_is_not_there_is_a_problem_and_that_is_there_is_not_started(found, machine):
    machine.set(PATH=str(machine.bin))
    text = "server:\n  api_keys_gopass_path: clinvk/keys\n"
    assert found(text).level("config-gopass") == "problem"
    (machine.bin / "gopass").write_text(f"#!/bin/sh\ntouch '{machine.asked}'\n")
    (machine.bin / "gopass").chmod(0o755)
    told = found(text)
    assert told.of("config-gopass") == []
    assert "gopass clinvk/keys" in told.one("config-keys").message
    assert not machine.asked.exists()


def test_workdirs_that_are_not_there_are_warnings(found, tmp_path):
    text = (
        f"server:\n  allowed_workdir_prefixes: [{tmp_path}, /nowhere/a]\n  blocked_workdir_prefixes: [/nowhere/b]"
    )
    assert [each.about for each in found(text).of("config-workdirs")] == ["/nowhere/a", "/nowhere/b"]


def test_an_audit_log_has_to_be_a_file_in_a_folder_that_is_there(found, tmp_path):
    for name, levels in ((tmp_path / "audit.jsonl", []), (tmp_path, ["problem"]), ("/nowhere/audit", ["problem"])):
        told = found(f"server:\n  audit_log: {name}\n").of("config-audit")
        assert [str(each.level) for each in told] == levels


def test_what_stands_in_the_place_of_the_socket_is_a_problem_unless_it_is_one(found, tmp_path):
    path = tmp_path / "s"
    text = f"server:\n  unix_socket: {path}\n"
    assert found(text).of("config-socket") == []
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))
        assert found(text).of("config-socket") == []
    path.unlink()
    path.write_text("")
    assert found(text).level("config-socket") == "problem"
    assert found("server:\n  unix_socket: /nowhere/s\n").level("config-socket") == "problem"


needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def make(folder, name, days=90, *more):
    """A certificate and its key."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    kind = [
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-subj",
        "/CN=x",
        "-days",
        str(days),
    ]
    files = ["-out", str(cert), "-keyout", str(key)]
    subprocess.run(["openssl", "req", *kind, *files, *(more or ("-noenc",))], check=True, capture_output=True)
    key.chmod(0o600)
    return cert, key


def tls_of(machine, cert, key):
    machine.configure(f"server:\n  tls_cert_file: '{cert}'\n  tls_key_file: '{key}'\n")
    return machine.found(tls.findings)


@needs_openssl
def test_a_certificate_is_told_with_the_days_that_are_left(machine, tmp_path):
    assert "is valid for 89 more days" in tls_of(machine, *make(tmp_path, "long")).one("config-tls").message
    assert tls_of(machine, *make(tmp_path, "short", 9)).level("config-tls") == "warning"


@needs_openssl
def test_a_certificate_that_has_ended_is_a_problem(machine, tmp_path):
    cert, key = make(tmp_path, "one", 30)
    machine.configure(f"server:\n  tls_cert_file: '{cert}'\n  tls_key_file: '{key}'\n")
    case = machine.case()
    late = type(case)(case.environment, case.places, case.settings, (), Later(31 * 86400))
    (finding,) = tls.findings(late)
    assert (finding.level, "has expired" in finding.message) == ("problem", True)


@needs_openssl
def test_the_end_of_a_certificate_is_the_one_that_openssl_tells(tmp_path):
    for days in (1, 3650, 20000):  # the last ends beyond 2049, and is written another way
        cert, _ = make(tmp_path, "one", days)
        told = subprocess.run(
            ["openssl", "x509", "-enddate", "-noout", "-in", cert], capture_output=True, check=True
        )
        ends = certificate.ssl.cert_time_to_seconds(told.stdout.decode().strip().partition("=")[2])
        assert certificate.ends(cert.read_text()) == ends


@needs_openssl
def test_a_key_of_another_certificate_or_an_encrypted_one_is_a_problem(machine, tmp_path):
    (cert, key), (_, other) = make(tmp_path, "one"), make(tmp_path, "other")
    assert tls_of(machine, cert, other).level("config-tls") == "problem"
    assert tls_of(machine, key, key).level("config-tls") == "problem"
    locked = make(tmp_path, "locked", 9, "-passout", "pass:31337")
    assert tls_of(machine, *locked).level("config-tls") == "problem"


@needs_openssl
def test_a_private_key_that_every_user_may_read_is_a_problem(machine, tmp_path):
    cert, key = make(tmp_path, "one")
    key.chmod(0o644)
    told = tls_of(machine, cert, key)
    assert [str(each.level) for each in told] == ["problem", "ok"]


@pytest.mark.parametrize(("cert", "key"), [("/nowhere/c", ""), ("", "/nowhere/k")])
def test_a_certificate_without_a_key_is_a_fault_of_the_configuration_and_told_once(machine, cert, key):
    assert tls_of(machine, cert, key) == []
    assert machine.found(configuration.findings).level("config-file") == "problem"


def test_tls_files_that_are_not_there_are_a_problem(machine):
    assert tls_of(machine, "/nowhere/c", "/nowhere/k").level("config-tls") == "problem"


@pytest.mark.parametrize("text", ["", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_refused(text):
    with pytest.raises(certificate.NotCertificate):
        certificate.ends(text)
