"""A wire to PostgreSQL that can be cut, and that can keep notifications to itself."""

import select
import socket
import struct
import threading
import time

from places import free_port


class Wire:
    """Passes connections on to a port. `is_cut`: nothing passes, in either direction, and nothing is closed.
    `is_deaf`: notifications of the server do not pass."""

    def __init__(self, port):
        self._target = port
        self.port = free_port()
        self.is_cut = False
        self.is_deaf = False
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def end(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass, args=(client,), daemon=True).start()

    def _pass(self, client):
        try:
            while self.is_cut:
                time.sleep(0.01)
            server = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            return client.close()
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answers = b""
        try:
            while True:
                ready, _, _ = select.select([client, server], [], [], 1)
                while self.is_cut:
                    time.sleep(0.01)
                for end in ready:
                    piece = end.recv(65_536)
                    if not piece:
                        return
                    if end is client:
                        server.sendall(piece)
                        continue
                    whole, answers = self._heard(answers + piece)
                    if whole:
                        client.sendall(whole)
        except OSError:
            pass
        finally:
            client.close()
            server.close()

    def _heard(self, data):
        """Whole messages of the server, each a letter, a length and so many bytes, and the rest."""
        kept, at = [], 0
        while len(data) - at >= 5:
            length = struct.unpack_from("!i", data, at + 1)[0] + 1
            if len(data) - at < length:
                break
            if not (self.is_deaf and data[at:at + 1] == b"A"):
                kept.append(data[at:at + length])
            at += length
        return b"".join(kept), data[at:]
