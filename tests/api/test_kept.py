"""The second response on a connection is read here, the first by urllib3: they mean the same."""

from __future__ import annotations

import gzip
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from minimax_nb.api.key import Key
from minimax_nb.api.timeouts import Timeouts
from minimax_nb.api.transport import NoResponse, Response, Transport

USUAL = b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"usual":1}'
JSON = b'{"status":"generating"}'
PACKED = gzip.compress(JSON)
SIZE = b"Content-Length: %d\r\n"

GOOD = {
    "plain": b"HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n" + JSON,
    "without a reason": b"HTTP/1.1 200\r\nContent-Length: 23\r\n\r\n" + JSON,
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n"
    + JSON[:6]
    + b"\r\n11;x=y\r\n"
    + JSON[6:]
    + b"\r\n0\r\nTrailer: x\r\n\r\n",
    "until it closes": b"HTTP/1.1 200 OK\r\n\r\n" + JSON,
    "the old protocol": b"HTTP/1.0 200 OK\r\n\r\n" + JSON,
    "the old protocol, with a size": b"HTTP/1.0 200 OK\r\nContent-Length: 23\r\n\r\n" + JSON,
    "asked to close": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 23\r\n\r\n" + JSON,
    "continue": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n" + JSON,
    "compressed": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n" + SIZE % len(PACKED) + b"\r\n" + PACKED,
    "names twice": b"HTTP/1.1 200 OK\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 23\r\n\r\n" + JSON,
    "bare line ends": b"HTTP/1.1 200 OK\nContent-Length: 23\n\n" + JSON,
    "not found": b'HTTP/1.1 404 Not Found\r\nContent-Length: 15\r\n\r\n{"message":"x"}',
    "too many": b"HTTP/1.1 429 X\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\n{}",
    "nothing": b"HTTP/1.1 204 No Content\r\n\r\n",
    "elsewhere": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
}

BAD = {
    "cut": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + JSON,
    "cut chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n99\r\n" + JSON,
    "no end of chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n17\r\n" + JSON + b"\r\n",
    "chunks of no size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + JSON,
    "the moon": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + JSON,
    "packed oddly": b"HTTP/1.1 200 OK\r\nContent-Encoding: moon\r\nContent-Length: 23\r\n\r\n" + JSON,
    "no protocol": b"nonsense\r\n\r\n" + JSON,
    "no response": b"",
}


@contextmanager
def answering(*answers: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that gives one answer after the other, on however many connections, and closes after odd ones."""
    left, requests = list(answers), list[bytes]()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while left:
                connection, _ = server.accept()
                with connection:
                    while left:
                        request = connection.recv(1 << 16)
                        if not request:
                            break
                        requests.append(request)
                        answer = left.pop(0)
                        connection.sendall(answer)
                        if answer != USUAL:
                            break

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", requests
        thread.join(10)
        assert not thread.is_alive()


def transport_to(url: str) -> Transport:
    return Transport(url, Key("a-key-of-some-length"), Timeouts(connect=2, response=2))


def wait_until_closed(transport: Transport) -> None:
    """Until it is seen here that the server has closed the connection."""
    while any(connection.is_open for connection in transport._free):
        time.sleep(0.01)


def poll(transport: Transport) -> Response | NoResponse:
    return transport.get("/v2/generate/audio", {"generation_id": "a b:c"})


@pytest.mark.parametrize("answer", GOOD.values(), ids=GOOD)
def test_the_second_response_means_what_the_first_does(answer: bytes) -> None:
    with answering(answer) as (url, _):
        expected = poll(transport_to(url))
    with answering(USUAL, answer, USUAL) as (url, requests):
        transport = transport_to(url)
        assert poll(transport) == Response(200, {"content-length": "11"}, {"usual": 1})
        found = poll(transport)
        wait_until_closed(transport)
        assert poll(transport) == Response(200, {"content-length": "11"}, {"usual": 1})
    assert isinstance(found, Response)
    assert isinstance(expected, Response)
    assert (found.status, found.fields, found.broken) == (expected.status, expected.fields, "")
    # That it is over is said of the old protocol, which does not say so itself.
    assert {**found.headers, "connection": ""} == {**expected.headers, "connection": ""}
    assert b"/v2/generate/audio?generation_id=a+b%3Ac HTTP/1.1\r\n" in requests[1]
    assert b"Authorization: Bearer a-key-of-some-length\r\n" in requests[1]
    assert len(requests) == 3


@pytest.mark.parametrize("answer", BAD.values(), ids=BAD)
def test_a_second_response_that_is_none_is_said_and_the_third_is_read(answer: bytes) -> None:
    with answering(USUAL, answer, USUAL) as (url, requests):
        transport = transport_to(url)
        poll(transport)
        found = poll(transport)
        assert isinstance(found, NoResponse) or found.broken
        wait_until_closed(transport)
        assert poll(transport) == Response(200, {"content-length": "11"}, {"usual": 1})
    assert len(requests) == 3  # nothing is asked twice here


def test_what_comes_after_a_response_is_not_taken_for_the_next_one() -> None:
    forged = USUAL + b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"forged":1}'
    with answering(USUAL, forged, USUAL) as (url, _):
        transport = transport_to(url)
        for _ in range(3):
            assert poll(transport) == Response(200, {"content-length": "11"}, {"usual": 1})


def test_a_header_of_one_s_own_does_not_break_out_of_its_line() -> None:
    with answering(USUAL) as (url, requests):
        transport = transport_to(url)
        poll(transport)
    assert isinstance(transport.get("/x", {}, headers={"If-None-Match": "a\r\nX-Forged: 1"}), NoResponse)
    assert len(requests) == 1


def test_a_connection_that_hangs_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(USUAL)
                connection.recv(1 << 16)
                ended.wait(10)

        ended = threading.Event()
        thread = threading.Thread(target=serve)
        thread.start()
        transport = Transport(f"http://127.0.0.1:{server.getsockname()[1]}", None, Timeouts(connect=2, response=0.2))
        poll(transport)
        outcome = poll(transport)
        ended.set()
        thread.join(10)
    assert isinstance(outcome, NoResponse)
    assert outcome.why == "no response in time"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on Windows")
def test_a_fork_does_not_read_from_its_parent_s_connection() -> None:
    with answering(USUAL, USUAL) as (url, requests):
        transport = transport_to(url)
        poll(transport)
        transport._process = -1  # as it looks to a fork
        before = transport._free[0]
        before.close()  # this server speaks with one at a time
        poll(transport)
        assert transport._free[0] is not before
    assert len(requests) == 2
