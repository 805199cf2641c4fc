"""A provider that answers nothing useful and knows to the microsecond when each request came.

The kernel stamps what arrives (SO_TIMESTAMPNS, Linux), so a busy machine or a slow thread here changes no figure.
"""

import contextlib
import socket
import struct
import threading
import time
from types import TracebackType
from typing import Self

SO_TIMESTAMPNS = 35
ANSWER = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n{}"
"""Costs nothing and is asked once."""


class Stopwatch:
    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=512)
        with contextlib.suppress(OSError):
            self._listening.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.port = int(self._listening.getsockname()[1])
        self.arrivals: list[float] = []  #: seconds since 1970
        self._open: set[socket.socket] = set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in list(self._open):
            connection.close()

    def most_within(self, seconds: float) -> int:
        """The most requests in any window of so many seconds."""
        at = sorted(self.arrivals)
        return max((sum(start <= other < start + seconds for other in at) for start in at), default=0)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self._open.add(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while self._one(connection):
                connection.sendall(ANSWER)
        self._open.discard(connection)

    def _one(self, connection: socket.socket) -> bool:
        """One request read whole. False: the end."""
        data, notes, _, _ = connection.recvmsg(65536, 256)
        if not data:
            return False
        self.arrivals.append(_stamp(notes))
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        while len(body) < length:
            body += connection.recv(65536)
        return True


def _stamp(notes: list[tuple[int, int, bytes]]) -> float:
    for level, kind, value in notes:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
            seconds, nanoseconds = struct.unpack("qq", value)
            return float(seconds + nanoseconds * 1e-9)
    return time.time()
