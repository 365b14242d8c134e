"""A store that can be switched off: a door on loopback that passes bytes to a server, or refuses everybody."""

from __future__ import annotations

import contextlib
import socket
import threading


class SwitchedProxy:
    """Listens on loopback and passes connections on to a port while it is on; ended by `stop`, or with its process."""

    def __init__(self, port: int) -> None:
        self.target, self.is_on = port, True
        self.n_refused = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self.port = self._server.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def switch(self, *, on: bool) -> None:
        """Let connections through, or refuse new ones and break those that are open."""
        self.is_on = on
        if not on:
            for one in list(self._open):
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        self.switch(on=False)
        self._server.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed by `stop`
            while True:
                client, _ = self._server.accept()
                if not self.is_on:
                    self.n_refused += 1
                    client.close()
                    continue
                with contextlib.suppress(OSError):
                    behind = socket.create_connection(("127.0.0.1", self.target), timeout=60)
                    self._open |= {client, behind}
                    for pair in ((client, behind), (behind, client)):
                        threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for one in (source, sink):
            self._open.discard(one)
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
