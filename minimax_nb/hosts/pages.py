"""Links as people copy them: a page that shows a file becomes the file's own address; other pages are refused."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qs, parse_qsl, urlencode, urlsplit, urlunsplit

from ..errors import InvalidReference

_OWN_FILE = "Download it there and give the file, or put it where a link leads to the file itself."

_PLAYERS = {
    "youtube.com": "YouTube",
    "youtu.be": "YouTube",
    "youtube-nocookie.com": "YouTube",
    "spotify.com": "Spotify",
    "spotify.link": "Spotify",
    "soundcloud.com": "SoundCloud",
    "music.apple.com": "Apple Music",
    "bandcamp.com": "Bandcamp",
    "deezer.com": "Deezer",
    "tidal.com": "Tidal",
    "music.amazon.com": "Amazon Music",
    "vimeo.com": "Vimeo",
    "tiktok.com": "TikTok",
    "instagram.com": "Instagram",
    "facebook.com": "Facebook",
    "x.com": "X",
    "twitter.com": "X",
    "suno.com": "Suno",
    "udio.com": "Udio",
    "mixcloud.com": "Mixcloud",
    "audiomack.com": "Audiomack",
    "bilibili.com": "Bilibili",
    "music.163.com": "NetEase",
    "y.qq.com": "QQ Music",
    "soundcloud.app.goo.gl": "SoundCloud",
}

_CLOUDS = {
    "1drv.ms": "OneDrive",
    "onedrive.live.com": "OneDrive",
    "sharepoint.com": "SharePoint",
    "icloud.com": "iCloud",
    "wetransfer.com": "WeTransfer",
    "we.tl": "WeTransfer",
    "mega.nz": "MEGA",
    "photos.google.com": "Google Photos",
    "photos.app.goo.gl": "Google Photos",
}


def to_file_link(url: str) -> str:
    """The link of the file itself, where `url` is a page of Google Drive, Dropbox, GitHub or Hugging Face.

    Parameters
    ----------
    url : str
        An ``http(s)`` URL. Nothing is fetched.

    Raises
    ------
    InvalidReference
        For a page that gives no file, with what to do instead.
    """
    address = urlsplit(url)
    host = (address.hostname or "").removeprefix("www.").removeprefix("m.")
    if name := _named(host, _PLAYERS):
        raise InvalidReference(
            f"{_with_article(name)} page plays music in a browser and gives no file.",
            do="Use a wav or mp3 file that is yours to use: from this computer, or by a link to the file itself.",
        )
    if name := _named(host, _CLOUDS):
        raise InvalidReference(f"{_with_article(name)} link leads to a page, not to the file.", do=_OWN_FILE)
    for there, convert in _CONVERTED.items():
        if host == there:
            return convert(address)
    return url


def _with_article(name: str) -> str:
    return f"A{'n' * (name[0] in 'AIiX')} {name}"


def _named(host: str, names: dict[str, str]) -> str:
    return next((name for end, name in names.items() if host == end or host.endswith(f".{end}")), "")


def _drive(address: SplitResult) -> str:
    """Google Drive: ``/file/d/<id>/view``, ``/open?id=``, ``/uc?id=``."""
    query = parse_qs(address.query)
    match = re.search(r"/d/([\w-]{10,})", address.path)
    name = match.group(1) if match else query.get("id", [""])[0]
    if "/folders/" in address.path or not name or address.hostname == "docs.google.com":
        raise InvalidReference(
            "This Google link does not lead to a single audio file.",
            do='In Drive, open the menu of the track itself, choose Share, "Anyone with the link", copy that link.',
        )
    wanted = {"id": [name], "export": ["download"], "confirm": ["t"], "resourcekey": query.get("resourcekey", [])}
    return f"https://drive.usercontent.google.com/download?{urlencode(wanted, doseq=True)}"


def _dropbox(address: SplitResult) -> str:
    """Dropbox: ``dl=1`` gives the file, ``dl=0`` its page; a folder comes as a zip archive."""
    if not re.match(r"/(s|scl/fi)/", address.path):
        raise InvalidReference(
            "This Dropbox link does not lead to a single file.",
            do="In Dropbox, choose Copy link on the track itself.",
        )
    kept = [(name, value) for name, value in parse_qsl(address.query) if name not in ("dl", "raw")]
    return urlunsplit(("https", "www.dropbox.com", address.path, urlencode([*kept, ("dl", "1")]), ""))


def _github(address: SplitResult) -> str:
    return urlunsplit(address._replace(path=re.sub(r"^(/[^/]+/[^/]+)/blob/", r"\1/raw/", address.path)))


def _hugging_face(address: SplitResult) -> str:
    path = re.sub(r"^((?:/datasets|/spaces)?/[^/]+/[^/]+)/blob/", r"\1/resolve/", address.path)
    return urlunsplit(address._replace(path=path))


_CONVERTED = {
    "drive.google.com": _drive,
    "docs.google.com": _drive,
    "dropbox.com": _dropbox,
    "github.com": _github,
    "huggingface.co": _hugging_face,
}
