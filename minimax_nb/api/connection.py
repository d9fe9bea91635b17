"""Why a connection failed, in words, and what helps: names, ways, proxies and certificates are told apart."""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import requests
from urllib3 import exceptions as urllib3

_PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy")
# Polls go by urllib3 alone, everything else by requests, which has names of its own for the same.
_PROXY_ERRORS = (requests.exceptions.ProxyError, urllib3.ProxyError)
_LATE = (requests.exceptions.Timeout, urllib3.TimeoutError)
_NOT_SECURE = (requests.exceptions.SSLError, urllib3.SSLError)
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_WHOEVER = "whoever runs this network knows it"
# What OpenSSL calls X509_V_ERR_...
_NOT_YET_VALID, _EXPIRED, _OTHER_NAME, _OTHER_ADDRESS = 9, 10, 62, 64


@dataclass(frozen=True)
class Cause:
    """What kept a connection from coming about.

    Attributes
    ----------
    what : str
        In words, to stand within a sentence.
    do : str
        What helps; empty where nothing particular does.
    """

    what: str
    do: str = ""


def cause_of(error: BaseException) -> Cause:
    """Find out what kept a connection from coming about.

    Parameters
    ----------
    error : BaseException
        As `requests` or urllib3 raises it. Its own text is not used: it may quote the request, or a proxy's password.
    """
    chain = list(_chain(error))
    if any(isinstance(each, requests.exceptions.InvalidSchema) and "SOCKS" in str(each) for each in chain):
        return Cause(
            f"{proxy_name()} is a SOCKS proxy, for which a package is missing",
            'Run: pip install "requests[socks]", then restart the kernel.',
        )
    if _at_proxy(chain):
        return _proxy_cause(chain)
    return (
        _certificate_cause(chain)
        or _way_cause(chain)
        or Cause(
            "no response in time"
            if isinstance(error, _LATE) and not isinstance(error, urllib3.NewConnectionError)
            else "the secure connection was not accepted"
            if isinstance(error, _NOT_SECURE)
            else "the connection failed or was cut"
        )
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and all that led to it: as its cause, its context, its reason or in its arguments."""
    found, seen = [error], set[int]()
    while found:
        each = found.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        around = (each.__cause__, each.__context__, getattr(each, "reason", None), *each.args)
        found += [other for other in around if isinstance(other, BaseException)]


def proxy_name() -> str:
    """What to call the proxy that is set; not its address, which may hold a password."""
    variable = next((name for name in _PROXY_VARIABLES if os.environ.get(name)), "")
    return f"the proxy that {variable} names" if variable else "the proxy of this system's settings"


def _at_proxy(chain: list[BaseException]) -> bool:
    return any(isinstance(each, _PROXY_ERRORS) or type(each).__module__ == "socks" for each in chain)


def _proxy_cause(chain: list[BaseException]) -> Cause:
    name = proxy_name()
    status = next(filter(None, (re.search(r"Tunnel connection failed: (\d+)", str(each)) for each in chain)), None)
    if status and status[1] == "407":
        return Cause(
            f"{name} wants a name and a password",
            f"Put them into its address, as in HTTPS_PROXY=http://name:password@proxy:8080; {_WHOEVER}.",
        )
    if status:
        return Cause(
            f"{name} does not let it through (HTTP {status[1]})",
            "Ask whoever runs this network to allow this address.",
        )
    why = "cannot be found by its name" if _is_unknown_name(chain) else "does not answer"
    return Cause(f"{name} {why}", f"Correct its address, or unset it where there is no proxy; {_WHOEVER}.")


def _is_unknown_name(chain: list[BaseException]) -> bool:
    return any(isinstance(each, socket.gaierror) for each in chain)


def _certificate_cause(chain: list[BaseException]) -> Cause | None:
    bundle = next((name for name in _BUNDLES if os.environ.get(name)), "")
    if any("TLS CA certificate bundle" in str(each) for each in chain if isinstance(each, OSError)):
        if not bundle:
            return Cause("the list of trusted certificates is missing", "Run: pip install --force-reinstall certifi.")
        return Cause(f"{bundle} names a file that is not there", f"Correct {bundle}, or unset it.")
    wrong = next((each for each in chain if isinstance(each, ssl.SSLCertVerificationError)), None)
    if wrong is None:
        return None
    if wrong.verify_code in (_EXPIRED, _NOT_YET_VALID):
        return Cause(
            "its certificate is not valid on this computer's date", "Correct date and time of this computer."
        )
    if wrong.verify_code in (_OTHER_NAME, _OTHER_ADDRESS):
        return Cause(
            "its certificate belongs to somebody else",
            "A sign-in page of this network may be in the way: open any web page and sign in.",
        )
    return Cause(
        "its certificate is signed by nobody this Python trusts",
        "A company's firewall does that: save the company's certificate as a .pem file, set REQUESTS_CA_BUNDLE "
        f"to its path and restart; {_WHOEVER.replace('knows', 'has')}.",
    )


def _way_cause(chain: list[BaseException]) -> Cause | None:
    numbers = {each.errno for each in chain if isinstance(each, OSError)}
    if _is_unknown_name(chain):
        return Cause(
            "its name cannot be looked up",
            "This computer may be offline: open any web page. In Kaggle, switch Internet on for the notebook.",
        )
    if numbers & {errno.ENETUNREACH, errno.EHOSTUNREACH}:
        return Cause("no way leads there from this network", "Check the network, and a VPN that should be on or off.")
    if errno.ECONNREFUSED in numbers:
        return Cause("nothing answers there", "Check the address. A firewall may be in the way, too.")
    if any(
        isinstance(each, requests.exceptions.ConnectTimeout | urllib3.ConnectTimeoutError)
        and not isinstance(each, urllib3.NewConnectionError)
        for each in chain
    ):
        return Cause(
            "no connection in time",
            "A firewall may swallow it: where connections go through a proxy, set HTTPS_PROXY to its address.",
        )
    return None
