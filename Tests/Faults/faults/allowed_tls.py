"""The doors speak TLS 1.3 alone, by their own ALPN, and files of keys are for their owner alone."""

import pathlib
import socket
import ssl
import stat

from support import Server, need


def check() -> str:
    with Server() as server:
        for door in ("framed", "grpc"):
            own = "dither/1" if door == "framed" else "h2"
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                for protocol in (own, "foo"):
                    context = ssl.create_default_context(cafile=server.ca)
                    context.check_hostname = False
                    context.minimum_version = context.maximum_version = version
                    context.set_alpn_protocols([protocol])
                    try:
                        with socket.create_connection(("127.0.0.1", server.ports[door]), timeout=5) as raw:
                            with context.wrap_socket(raw, server_hostname="localhost") as wrapped:
                                wrapped.settimeout(3)
                                taken = wrapped.selected_alpn_protocol() == protocol
                                if not taken:
                                    # Some bytes come before the end: a framed door says why, HTTP/2 its settings.
                                    while wrapped.recv(1 << 12):
                                        pass
                    except TimeoutError:
                        taken = True
                    except OSError:
                        taken = False
                    right = version == ssl.TLSVersion.TLSv1_3 and protocol == own
                    need(taken == right, f"{door}, {version.name}, {protocol}: {'taken' if taken else 'refused'}")
        files = [path for path in pathlib.Path(server.state).rglob("*") if path.is_file()]
        secret = [path for path in files if path.name == "first-token" or b"PRIVATE KEY-----" in path.read_bytes()]
        # The door's key, the key of reports and the first token.
        need(len(secret) >= 3, f"of {len(files)} files only {len(secret)} hold a secret")
        open_files = [str(path.relative_to(server.state)) for path in secret if stat.S_IMODE(path.stat().st_mode) & 0o077]
        need(not open_files, f"others can read {open_files}")
        need(stat.S_IMODE(server.ready.stat().st_mode) & 0o077 == 0, "others can read the ready file")
        return "8 handshakes"
