"""How a reference goes along with a request: as a link that was tried, or as the file itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import InvalidReference, MusicError, OutcomeUnknown
from ..reference import Reference
from . import open_links
from .host import Host
from .links import check_link
from .pages import to_file_link


@contextmanager
def arrange(
    reference: Reference, host: Host, request_id: str, *, longer_than: float = 15.0, local: bool = False
) -> Iterator[str]:
    """What is sent as the link of a reference, while the song is requested.

    A link that a host made is up until the song is made (`open_links.end`). It is taken away at once when the
    context ends with an error that says that no song was requested.

    Parameters
    ----------
    reference : Reference
    host : Host
        For a file.
    request_id : str
        The song.
    longer_than : float
        The model's rule, in seconds.
    local : bool
        Whether the service is on this computer, where links may lead there too.

    Raises
    ------
    InvalidReference, InvalidOption, Unreachable
        When no link works. Nothing was requested.
    """
    if reference.path is None:
        url = to_file_link(reference.uri)
        check_link(url, longer_than=longer_than, local=local)
        yield url
    elif host.ends:
        with _shared(open_links.share(host, reference.path, request_id), request_id) as url:
            check_link(url, longer_than=longer_than, local=local)
            yield url
    else:
        with host.share(reference.path) as url:
            if not url.startswith("data:"):
                check_link(url, longer_than=longer_than, local=local)
            yield url


@contextmanager
def _shared(shared: open_links.SharedFile, request_id: str) -> Iterator[str]:
    try:
        yield shared.url
    except InvalidReference:
        shared.close()  # it does not work: the next song gets another
        raise
    except OutcomeUnknown:
        raise  # the song may be made
    except MusicError:
        shared.end(request_id)
        raise
