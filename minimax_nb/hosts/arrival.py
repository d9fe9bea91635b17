"""How a reference goes along with a request: as a link that was tried, or as the file itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from ..catalogue import DEFAULT_MODEL, find_model
from ..errors import InvalidReference, MusicError, OutcomeUnknown
from ..reference import Reference
from . import open_links
from .host import Host
from .links import check_link
from .pages import to_file_link


@contextmanager
def arrange(
    reference: Reference | None, host: Host, request_id: str, *, model: str = DEFAULT_MODEL, local: bool = False
) -> Iterator[Mapping[str, str]]:
    """The field of the request that carries a reference, while the song is asked for; empty where there is none.

    A link that a host made is up until the song is made (`open_links.end`). It is taken away at once when the
    context ends with an error that says that no song was asked for.

    Parameters
    ----------
    reference : Reference or None
    host : Host
        For a file.
    request_id : str
        The song.
    model : str
        Whose rules the reference has to meet.
    local : bool
        Whether the service is on this computer, where links may lead there too.

    Raises
    ------
    InvalidReference, InvalidOption, Unreachable
        When there is no link that works. Nothing was asked for.
    """
    if reference is None:
        yield {}
        return

    def check(url: str) -> None:
        rule = find_model(model).reference
        check_link(url, longer_than=rule.longer_than if rule else 0, local=local)

    with _link(reference, host, request_id, check) as url:
        yield {"reference_audio_url": url}


@contextmanager
def _link(reference: Reference, host: Host, request_id: str, check: Callable[[str], None]) -> Iterator[str]:
    if reference.path is None:
        url = to_file_link(reference.uri)
        check(url)
        yield url
    elif host.ends:
        with _shared(open_links.share(host, reference.path, request_id), request_id, check) as url:
            yield url
    else:
        with host.share(reference.path) as url:
            if not url.startswith("data:"):
                _check_own(url, check)
            yield url


@contextmanager
def _shared(shared: open_links.SharedFile, request_id: str, check: Callable[[str], None]) -> Iterator[str]:
    try:
        _check_own(shared.url, check)
    except InvalidReference:
        shared.close()  # it does not work: the next song gets another
        raise
    try:
        yield shared.url
    except OutcomeUnknown:
        raise  # the song may be made
    except MusicError:
        shared.end(request_id)
        raise


def _check_own(url: str, check: Callable[[str], None]) -> None:
    """Check a link that was made here: what to do is not what is said of a link that somebody gave."""
    try:
        check(url)
    except InvalidReference as error:
        error.do = "Try again, give a link to the track, or choose another reference_host."
        raise
