"""A TCP proxy that can be cut, like a network."""

import socket
import threading
from contextlib import suppress

CHUNK = 1 << 16


class Proxy:
    """Forwards `port` to `target`, both on loopback, until it is cut: then nothing passes."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._passes = threading.Event()
        self._passes.set()
        self._sockets: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Let nothing through. Connections stay open, as when a cable is pulled."""
        self._passes.clear()

    def mend(self) -> None:
        self._passes.set()

    def drop(self) -> None:
        """End all connections, with what is on its way in them."""
        while self._sockets:
            with suppress(OSError):
                self._sockets.pop().shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End all connections, and accept no more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self.drop()
        self.mend()

    def _accept(self) -> None:
        with self._listener, suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(here,), daemon=True).start()

    def _connect(self, here: socket.socket) -> None:
        self._passes.wait()
        with (
            here,
            suppress(OSError),
            socket.create_connection(("127.0.0.1", self._target)) as there,
        ):
            self._sockets |= {here, there}
            back = threading.Thread(target=self._pipe, args=(there, here), daemon=True)
            back.start()
            self._pipe(here, there)
            back.join()
            self._sockets -= {here, there}

    def _pipe(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK):
                self._passes.wait()
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
