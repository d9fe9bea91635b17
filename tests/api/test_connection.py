"""What keeps a connection from coming about, each with its own remedy: real sockets, proxies and certificates."""

from __future__ import annotations

import contextlib
import datetime
import errno
import importlib.util
import ipaddress
import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from minimax_nb import Session, Unreachable, doctor
from minimax_nb.api.timeouts import Timeouts
from tests.support.network import Answer, running_host

NAME = "music.example"
PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy")
NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


@pytest.fixture(autouse=True)
def plain_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy and no certificates of anybody's; the name of the service leads to this computer."""
    for name in (*PROXIES, "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    look_up = socket.getaddrinfo

    def found(host: str, *arguments: object, **options: object) -> object:
        return look_up("127.0.0.1" if host == NAME else host, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", found)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def said_at(url: str) -> tuple[str, str]:
    """What is said where a song's price is asked for, and what is to be done."""
    session = Session("a-key-for-tests-0123456789", url, timeouts=Timeouts(connect=3.0))
    with pytest.raises(Unreachable) as caught:
        session.services.client(session.settings.service()).price("minimax-music", patience=0)
    return caught.value.what, caught.value.do


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Callable[..., tuple[str, Path]]]:
    """Start a server that speaks TLS with a certificate of its own making; gives its address and the certificate."""
    with contextlib.ExitStack() as stack:

        def started(name: str = NAME, until: datetime.datetime = NOW + DAY) -> tuple[str, Path]:
            certificate = write_certificate(tmp_path, name, until)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            body = json.dumps({"data": []}).encode()
            host = stack.enter_context(running_host(lambda _: Answer(body)))
            host.socket = context.wrap_socket(host.socket, server_side=True)
            return f"https://{NAME}:{host.server_address[1]}", certificate

        yield started


def write_certificate(folder: Path, name: str, until: datetime.datetime) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 10 * DAY)
        .not_valid_after(until)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + secret)
    return path


@contextlib.contextmanager
def running_proxy(answer: bytes) -> Iterator[str]:
    """Run a proxy that answers each wish for a tunnel so."""

    class Tunnel(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            self.wfile.write(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tunnel) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://me:my-password@127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_proxy_whose_name_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:my-password@proxy.invalid:8080")
    what, do = said_at("https://music.example")
    assert "the proxy that HTTPS_PROXY names cannot be found by its name" in what
    assert "Correct its address, or unset it" in do
    assert "my-password" not in what + do


def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{closed_port()}")
    what, do = said_at("https://music.example")
    assert "the proxy that https_proxy names does not answer" in what
    assert "unset it" in do


@pytest.mark.parametrize(
    ("status", "words", "remedy"),
    [
        (407, "wants a name and a password", "HTTPS_PROXY=http://name:password@proxy:8080"),
        (403, "does not let it through (HTTP 403)", "Ask whoever runs this network to allow this address."),
    ],
)
def test_a_proxy_that_says_no(status: int, words: str, remedy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_proxy(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode()) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        what, do = said_at("https://music.example")
    assert f"the proxy that HTTPS_PROXY names {words}" in what
    assert remedy in do
    assert "my-password" not in what + do


def test_a_socks_proxy_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("socks"):
        pytest.skip("the package is installed")
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    what, do = said_at("https://music.example")
    assert "the proxy that ALL_PROXY names is a SOCKS proxy, for which a package is missing" in what
    assert 'pip install "requests[socks]"' in do


def test_a_certificate_that_is_not_trusted_and_is_once_the_variable_names_it(
    secure: Callable[..., tuple[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, certificate = secure()
    what, do = said_at(url)
    assert "its certificate is signed by nobody this Python trusts" in what
    assert "REQUESTS_CA_BUNDLE" in do
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    session = Session("a-key-for-tests-0123456789", url)
    assert session.services.client(session.settings.service()).price("minimax-music") is None
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/company.pem")
    what, do = said_at(url)
    assert "REQUESTS_CA_BUNDLE names a file that is not there" in what
    assert "Correct REQUESTS_CA_BUNDLE, or unset it." in do


def test_an_installation_without_certificates_is_told_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(tmp_path / "nowhere.pem"))
    what, do = said_at(f"https://{NAME}:{closed_port()}/v2")
    assert "the list of trusted certificates is missing" in what
    assert "pip install --force-reinstall certifi" in do


@pytest.mark.parametrize(
    ("options", "words", "remedy"),
    [
        ({"name": "hotel.example"}, "its certificate belongs to somebody else", "sign in"),
        ({"until": NOW - DAY}, "its certificate is not valid on this computer's date", "Correct date and time"),
    ],
)
def test_a_certificate_that_does_not_fit(
    options: dict[str, object],
    words: str,
    remedy: str,
    secure: Callable[..., tuple[str, Path]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, certificate = secure(**options)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    what, do = said_at(url)
    assert words in what
    assert remedy in do


def test_a_name_that_nobody_knows() -> None:
    what, do = said_at("https://music.invalid")
    assert "its name cannot be looked up" in what
    assert "offline" in do


def test_a_port_that_is_closed() -> None:
    what, do = said_at(f"https://127.0.0.1:{closed_port()}")
    assert "nothing answers there" in what
    assert "Check the address" in do


def test_no_way_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: object) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", connect)
    what, do = said_at("https://music.example")
    assert "no way leads there from this network" in what
    assert "VPN" in do


def test_what_is_no_tls_at_all() -> None:
    with running_host(lambda _: Answer()) as host:
        what, _ = said_at(f"https://127.0.0.1:{host.server_address[1]}")
    assert "the secure connection was not accepted" in what


def test_the_doctor_tries_them_apart(
    secure: Callable[..., tuple[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def api() -> str:
        return str(next(finding for finding in doctor() if finding.about == "API"))

    url, certificate = secure()
    said = []
    monkeypatch.setenv("MINIMAX_NB_BASE_URL", url)
    said.append(api())
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:8080")
    said.append(api())
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1080")
    said.append(api())
    monkeypatch.delenv("HTTPS_PROXY")
    monkeypatch.setenv("MINIMAX_NB_BASE_URL", "https://music.invalid")
    said.append(api())
    for text, remedy in zip(said, ("REQUESTS_CA_BUNDLE", "unset it", "requests[socks]", "offline"), strict=True):
        assert remedy in text, text
        assert "Rehearsing works without it." in text
    monkeypatch.setenv("MINIMAX_NB_BASE_URL", url)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert f"{url} answers" in api()
