"""A TCP proxy that can be cut, like a network."""

import asyncio
import threading
from contextlib import suppress

from tests.harness.serving import get_free_port

CHUNK = 1 << 16


class Proxy:
    """Forwards `port` to `target`, both on loopback, until it is cut: then nothing passes."""

    def __init__(self, target: int) -> None:
        self.port = get_free_port()
        self._target = target
        self._is_open = asyncio.Event()
        self._is_open.set()
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()
        assert self._started.wait(10)

    def cut(self) -> None:
        """Let nothing through. Connections stay open, as when a cable is pulled."""
        self._loop.call_soon_threadsafe(self._is_open.clear)

    def mend(self) -> None:
        self._loop.call_soon_threadsafe(self._is_open.set)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = asyncio.start_server(self._connect, "127.0.0.1", self.port)
        self._loop.run_until_complete(server)
        self._started.set()
        self._loop.run_forever()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._is_open.wait()
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self._pipe(reader, back), self._pipe(there, writer))

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                await self._is_open.wait()
                writer.write(data)
                await writer.drain()
        with suppress(OSError):
            writer.close()
