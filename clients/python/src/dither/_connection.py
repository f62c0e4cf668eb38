"""Where a server is, who asks, and whether it answers: settings, a look at the door, channels."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
from dataclasses import dataclass, replace
from typing import Any, List, Mapping, Optional, Tuple
from urllib.parse import urlsplit

from ._login import kept
from .errors import InvalidArgument, Unavailable

DEFAULT_ADDRESS = "dither://127.0.0.1:7447"
DEFAULT_PORT = 7447
# Also of what a server may cost: larger answers are refused before they are read.
MOST_RECEIVED = 64 << 20
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
_SETTINGS = 4


@dataclass(frozen=True)
class Settings:
    """How a server is reached; ``port`` is any of its two doors until it was looked at."""

    host: str
    port: int
    # None: the ready file does not say, and a look tells.
    tls: Optional[bool] = True
    token: Optional[str] = None
    ca: Optional[str] = None
    certificate: Optional[str] = None
    key: Optional[str] = None
    # Public half of the key that signs its reports, where that is known beforehand.
    report_key: Optional[str] = None

    @property
    def place(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __repr__(self) -> str:
        return f"Settings({'dither+plain' if self.tls is False else 'dither'}://{self.place})"


def settings(
    address: Optional[str],
    token: Optional[str],
    ca: Optional[str],
    ready_file: Optional[str],
    certificate: Optional[str],
    key: Optional[str],
    environment: Mapping[str, str],
) -> Settings:
    """Arguments before the ready file that is named, before the environment, before the environment's ready file, before
    what ``dither login`` keeps; that token goes to the address that it is kept for alone."""
    if (certificate is None) != (key is None):
        raise InvalidArgument("certificate= and key= belong together: expected PEM files for both, got one of them")

    def value(name: str) -> Optional[str]:
        return environment.get(name) or None

    if certificate is None:
        certificate, key = value("DITHER_CERTIFICATE"), value("DITHER_KEY")
        if (certificate is None) != (key is None):
            raise InvalidArgument(
                "a client certificate and its key belong together: expected DITHER_CERTIFICATE and DITHER_KEY, got one of them"
            )
    if ready_file is None and address is None and value("DITHER_ADDRESS") is None:
        ready_file = value("DITHER_READY_FILE")
    place = address or value("DITHER_ADDRESS")
    if ready_file is not None:
        found = _of_ready_file(os.fspath(ready_file))
    else:
        found = Settings("", 0, token=value("DITHER_TOKEN"), ca=value("DITHER_CA"))
        login = kept(environment) if place is None or (token or found.token) is None else None
        if login is not None and place in (None, login.address):
            place = login.address
            found = replace(found, token=found.token or login.token, ca=found.ca or login.ca)
            if certificate is None:
                certificate, key = login.certificate, login.key
    if address is not None or ready_file is None:
        host, port, tls = parse_address(place or DEFAULT_ADDRESS)
        found = replace(found, host=host, port=port, tls=tls)
    if ca and found.tls is None:
        found = replace(found, tls=True)
    return replace(
        found, token=token or found.token, ca=os.fspath(ca) if ca else found.ca, certificate=certificate, key=key
    )


def parse_address(address: str) -> Tuple[str, int, bool]:
    expected = f"address '{address[:120]}': expected dither://host:port, or dither+plain://host:port without TLS"
    if not re.match(r"[a-z][a-z+]*://", address):
        raise InvalidArgument(expected + (f"; did you mean 'dither://{address[:120]}'?" if "/" not in address else ""))
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidArgument(f"{expected}: {error}") from None
    extra = parts.username or parts.password or parts.query or parts.fragment or parts.path.strip("/")
    if parts.scheme not in ("dither", "dither+plain") or not host or extra or port == 0:
        raise InvalidArgument(expected)
    return host, port or DEFAULT_PORT, parts.scheme == "dither"


def _of_ready_file(path: str) -> Settings:
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        ca = found.get("ca") or None
        return Settings(
            # The file is of a server on this machine.
            "127.0.0.1",
            int(found["grpc"]),
            # Without a CA of its own the server has either other certificates or no TLS.
            tls=True if ca else None,
            token=found.get("token") or None,
            ca=ca,
            report_key=found.get("reportKey") or None,
        )
    except OSError as error:
        raise InvalidArgument(
            f"ready file {path}: expected what `dither serve --ready-file` has written, got {error.strerror}; it is there "
            "once the server serves"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InvalidArgument(
            f"ready file {path}: expected what `dither serve --ready-file` has written, got other text"
        ) from None


def looked_at(found: Settings, timeout: float) -> Settings:
    """The settings with the gRPC door's port: the one named, or the next one where the framed door is at the one named.

    Raises ``Unavailable`` with the reason and the remedy.
    """
    try:
        return _looked_at(found, timeout)
    except (_Certificate, _HasTls) as error:
        raise Unavailable(error.message) from None


def _looked_at(found: Settings, timeout: float) -> Settings:
    if found.tls is None:
        try:
            found = replace(found, tls=not _speaks_grpc(replace(found, tls=False), None, timeout))
        except _HasTls:
            found = replace(found, tls=True)
    context = _tls_context(found)
    if _speaks_grpc(found, context, timeout):
        return found
    following = replace(found, port=found.port + 1)
    try:
        if found.port < 65_535 and _speaks_grpc(following, context, timeout):
            return following
    except _Certificate:
        raise
    except Unavailable:
        pass
    raise Unavailable(
        f"{found.place}: expected a gRPC door here or at the port behind it, got another; name the port that `dither serve` "
        "prints as gRPC (7448 unless --grpc-port says otherwise); or there is TLS on one side only: dither:// has it, "
        "dither+plain:// has none"
    )


class _Certificate(Unavailable):
    """A door of the right kind, but for a certificate."""


class _HasTls(Unavailable):
    """A door that was asked without TLS and has it."""


def _tls_context(found: Settings) -> Optional[ssl.SSLContext]:
    if not found.tls:
        return None
    # Not the default context: from Python 3.13 on that is stricter than gRPC is.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["h2"])
    try:
        if found.ca:
            context.load_verify_locations(cafile=found.ca)
        else:
            context.load_default_certs()
    except ssl.SSLError:
        raise InvalidArgument(f"CA {found.ca}: expected a certificate as PEM, got other bytes") from None
    except OSError as error:
        raise InvalidArgument(
            f"CA {found.ca}: expected the PEM file of the server's authority (ca=, DITHER_CA), got {error.strerror}; "
            "`dither serve` prints where it is, STATE/tls/ca.pem"
        ) from None
    if found.certificate:
        try:
            context.load_cert_chain(found.certificate, found.key)
        except OSError as error:
            raise InvalidArgument(
                f"certificate {found.certificate} and key {found.key}: expected PEM files that fit, got {error}"
            ) from None
    return context


def _speaks_grpc(found: Settings, context: Optional[ssl.SSLContext], timeout: float) -> bool:
    """By ALPN; without TLS by the first frame that the server sends."""
    try:
        with socket.create_connection((found.host, found.port), timeout) as plain:
            if context is not None:
                with context.wrap_socket(plain, server_hostname=found.host) as secure:
                    if secure.selected_alpn_protocol() != "h2":
                        return False
                    _look_behind(secure, found)
                    return True
            plain.sendall(_PREFACE)
            return _first_frame_is_settings(plain, found)
    except Unavailable:
        # It is an OSError too.
        raise
    except ssl.SSLCertVerificationError as error:
        raise _Certificate(_bad_certificate(found, error)) from None
    except ssl.SSLError as error:
        reason = error.reason or str(error)
        raise Unavailable(
            f"{found.place}: expected TLS 1.3, got {reason}; a server with --insecure is at "
            f"dither+plain://{found.place}, and the console's port (7449) is none of these doors"
        ) from None
    except socket.gaierror as error:
        raise Unavailable(f"{found.host}: expected the name of a machine, got {error.strerror}") from None
    except (socket.timeout, TimeoutError):
        raise Unavailable(
            f"{found.place}: expected an answer within {timeout:g} s, got none; see whether a firewall is between"
        ) from None
    except OSError as error:
        if context is None and isinstance(error, ConnectionResetError):
            return False
        raise Unavailable(
            f"{found.place}: expected a server, got '{error.strerror or error}'; start one with `dither serve`, or set "
            "DITHER_ADDRESS (or connect(address)) to where it is"
        ) from None


def _look_behind(secure: ssl.SSLSocket, found: Settings) -> None:
    """A client certificate that the server misses is told behind the handshake: by an alert, or, where ours crosses the
    connection's end, by that."""
    try:
        secure.sendall(_PREFACE)
        secure.recv(9)
    except (ssl.SSLError, ConnectionError) as error:
        if found.certificate is None and (
            "CERTIFICATE_REQUIRED" in (getattr(error, "reason", None) or "")
            or not isinstance(error, ssl.SSLError)
            or isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError))
        ):
            raise _Certificate(
                f"{found.place}: expected by the server is a client certificate, got none; give connect(certificate=…, "
                "key=…), PEM files of one that its --client-ca has signed"
            ) from None
        raise


def _first_frame_is_settings(plain: socket.socket, found: Settings) -> bool:
    head = b""
    while len(head) < 5:
        piece = plain.recv(9 - len(head))
        if not piece:
            break
        head += piece
    if head[:1] in (b"\x15", b"\x16"):
        raise _HasTls(f"{found.place}: expected a server without TLS, got TLS; write dither:// for dither+plain://")
    return len(head) > 3 and head[3] == _SETTINGS


def _bad_certificate(found: Settings, error: ssl.SSLCertVerificationError) -> str:
    if found.ca:
        return (
            f"{found.place}: expected a certificate that the CA in {found.ca} has signed for {found.host}, got "
            f"'{error.verify_message}'; give the CA that this server printed when it started (STATE/tls/ca.pem)"
        )
    return (
        f"{found.place}: expected a certificate of an authority of this machine, got '{error.verify_message}'; set DITHER_CA "
        "(or connect(ca=…)) to the server's CA, which it printed when it started (STATE/tls/ca.pem)"
    )


def channel(found: Settings, grpc: Any, agent: str) -> Any:
    """A channel of ``grpc`` or of ``grpc.aio``."""
    options: List[Tuple[str, Any]] = [
        ("grpc.max_receive_message_length", MOST_RECEIVED),
        ("grpc.max_send_message_length", -1),
        ("grpc.primary_user_agent", agent),
        # A server that was started anew is found within the retries of one call.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2000),
    ]
    if found.host in ("localhost", "::1") or found.host.startswith("127."):
        options.append(("grpc.enable_http_proxy", 0))
    if not found.tls:
        return grpc.insecure_channel(found.place, options=options)
    import grpc as stock

    credentials = stock.ssl_channel_credentials(
        root_certificates=_roots(found), private_key=_bytes(found.key), certificate_chain=_bytes(found.certificate)
    )
    return grpc.secure_channel(found.place, credentials, options=options)


def _roots(found: Settings) -> Optional[bytes]:
    # gRPC would take authorities of its own instead of this machine's.
    return _bytes(found.ca or ssl.get_default_verify_paths().cafile)


def _bytes(path: Optional[str]) -> Optional[bytes]:
    if path is None:
        return None
    with open(path, "rb") as file:
        return file.read()
