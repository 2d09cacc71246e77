"""Requests as bytes, made before they are sent: while a round runs, the generator only writes and reads."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit


def post(url: str, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """One keep-alive request; the bytes that go over the socket."""
    return _head("POST", url, path, {**headers, "Content-Length": str(len(body))}) + body


def get(url: str, path: str, headers: Mapping[str, str]) -> bytes:
    return _head("GET", url, path, headers)


def _head(method: str, url: str, path: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {urlsplit(url).netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Reader:
    """Answers out of a stream of bytes: `feed` gives (status, body) once one is complete, else None. One answer at a time."""

    def __init__(self) -> None:
        self._bytes = b""

    def feed(self, data: bytes) -> tuple[int, bytes] | None:
        """Raises ValueError for an answer without a length: our servers always tell it."""
        self._bytes += data
        end = self._bytes.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = self._bytes[:end].lower()
        at = head.find(b"\r\ncontent-length:")
        if at < 0:
            raise ValueError(f"an answer without a length: {head[:80]!r}")
        length = int(head[at + 17 :].split(b"\r\n", 1)[0])
        whole = end + 4 + length
        if len(self._bytes) < whole:
            return None
        answer = int(head[9:12]), self._bytes[end + 4 : whole]
        self._bytes = self._bytes[whole:]
        return answer
