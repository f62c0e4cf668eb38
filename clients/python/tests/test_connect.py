"""How a server is found, and what is said where it is not."""

import contextlib
import dataclasses
import json
import os
import socket
import ssl
import subprocess
import sys
import textwrap
import threading

import pytest

import dither
from dither import _connection

ENVIRONMENT = ("DITHER_ADDRESS", "DITHER_TOKEN", "DITHER_CA", "DITHER_READY_FILE")


@pytest.fixture
def ready(ready_file):
    with open(ready_file, encoding="utf-8") as file:
        return json.load(file)


@pytest.fixture
def bare(monkeypatch, tmp_path):
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    # A login of who runs the tests is no part of them.
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return monkeypatch


@contextlib.contextmanager
def listener(*answers):
    """A server on neighboring ports, each with its first bytes for everybody; gives the first port."""
    for port in range(40_000, 60_000, 7):
        sockets = []
        try:
            for at in range(len(answers)):
                server = socket.socket()
                server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sockets.append(server)
                server.bind(("127.0.0.1", port + at))
                server.listen()
            break
        except OSError:
            for server in sockets:
                server.close()

    def serve(server, answer):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection:
                    connection.sendall(answer)
                    connection.settimeout(1)
                    with contextlib.suppress(OSError):
                        while connection.recv(1024):
                            pass

    for server, answer in zip(sockets, answers):
        threading.Thread(target=serve, args=(server, answer), daemon=True).start()
    try:
        yield port
    finally:
        for server in sockets:
            server.close()


SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
HELLO = b"\x18\x0a\x16\x08\x01\x12\x06dither\x18\x80\x80\x80\x08"


def test_the_environment(bare, ready):
    bare.setenv("DITHER_ADDRESS", f"dither://localhost:{ready['grpc']}")
    bare.setenv("DITHER_TOKEN", ready["token"])
    bare.setenv("DITHER_CA", ready["ca"])
    with dither.connect() as client:
        assert client.models("fashion")


def test_the_ready_file(bare, ready_file):
    with dither.connect(ready_file=ready_file) as client:
        assert client.models("fashion") and client.settings.report_key
    bare.setenv("DITHER_READY_FILE", str(ready_file))
    with dither.connect() as client:
        assert client.settings.port == client.settings.port and client.models("fashion")
    # A token of one's own wins over the file's.
    with dither.connect(token="not-a-token") as client:
        with pytest.raises(dither.Unauthenticated, match="DITHER_TOKEN"):
            client.models()


def test_the_framed_doors_address_leads_to_the_next_port(bare):
    with listener(HELLO, SETTINGS) as port:
        found = _connection.looked_at(_connection.Settings("127.0.0.1", port, tls=False), 5)
        assert found.port == port + 1
    with listener(SETTINGS) as port:
        assert _connection.looked_at(_connection.Settings("127.0.0.1", port, tls=False), 5).port == port
    with listener(HELLO, HELLO) as port:
        with pytest.raises(dither.Unavailable, match="gRPC door"):
            dither.connect(f"dither+plain://127.0.0.1:{port}")


def test_a_framed_port_without_a_neighbor(bare, ready):
    with pytest.raises(dither.Unavailable, match="7448"):
        dither.connect(f"dither://127.0.0.1:{ready['framed']}", ca=ready["ca"], token=ready["token"])


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1:7447",
        "http://127.0.0.1",
        "dither://",
        "dither://h:99999",
        "dither://h:0",
        "dither://u:p@h",
        "dither://h?x=1",
        "dither://h/path",
        "dither://[::1",
    ],
)
def test_wrong_addresses(bare, address):
    with pytest.raises(dither.InvalidArgument, match="dither://host:port"):
        dither.connect(address)


def test_addresses():
    assert _connection.parse_address("dither://h") == ("h", 7447, True)
    assert _connection.parse_address("dither+plain://[::1]:80") == ("::1", 80, False)


def test_no_server(bare):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(dither.Unavailable, match="dither serve") as caught:
        dither.connect(f"dither+plain://127.0.0.1:{port}")
    assert isinstance(caught.value, ConnectionError)
    with pytest.raises(dither.Unavailable, match="name of a machine"):
        dither.connect("dither://no-such-host.invalid")


def test_certificates(bare, ready, tmp_path):
    address = f"dither://127.0.0.1:{ready['grpc']}"
    with pytest.raises(dither.Unavailable, match="DITHER_CA"):
        dither.connect(address)
    with pytest.raises(dither.InvalidArgument, match="ca.pem"):
        dither.connect(address, ca=tmp_path / "absent.pem")
    (tmp_path / "ca.pem").write_text("no PEM")
    with pytest.raises(dither.InvalidArgument, match="PEM"):
        dither.connect(address, ca=tmp_path / "ca.pem")
    other = tmp_path / "other.pem"
    made = subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ed25519",
            "-nodes",
            "-subj",
            "/CN=other",
            "-keyout",
            tmp_path / "key.pem",
            "-out",
            other,
        ],
        capture_output=True,
    )
    if made.returncode == 0:
        with pytest.raises(dither.Unavailable, match="has signed for"):
            dither.connect(address, ca=other)
    with pytest.raises(dither.InvalidArgument, match="belong together"):
        dither.connect(address, ca=ready["ca"], certificate=str(other))


@pytest.fixture
def strict(tmp_path):
    """A TLS server that asks for client certificates, as gRPC's door does with --client-ca; gives its port."""
    made = []
    for name in ("server", "client"):
        made.append(
            subprocess.run(
                [
                    "openssl",
                    "req",
                    "-x509",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:P-256",
                    "-nodes",
                    "-subj",
                    "/CN=x",
                ]
                + ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", tmp_path / f"{name}.key"]
                + ["-out", tmp_path / f"{name}.pem"],
                capture_output=True,
            ).returncode
        )
    if any(made):
        pytest.skip("openssl makes no certificates here")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    context.load_verify_locations(tmp_path / "client.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["h2"])
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                plain, _ = server.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True) as secure:
                secure.sendall(SETTINGS)
                secure.recv(100)

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1]
    server.close()


def test_client_certificates(bare, strict, tmp_path):
    found = _connection.Settings("127.0.0.1", strict, ca=str(tmp_path / "server.pem"))
    with pytest.raises(dither.Unavailable, match="client certificate") as caught:
        _connection.looked_at(found, 5)
    assert type(caught.value) is dither.Unavailable
    whole = dataclasses.replace(found, certificate=str(tmp_path / "client.pem"), key=str(tmp_path / "client.key"))
    assert _connection.looked_at(whole, 5) == whole
    with pytest.raises(dither.InvalidArgument, match="that fit"):
        _connection.looked_at(dataclasses.replace(whole, key=str(tmp_path / "server.key")), 5)
    # A ready file without a CA: the door itself tells whether it has TLS.
    with pytest.raises(dither.Unavailable, match="DITHER_CA"):
        _connection.looked_at(dataclasses.replace(found, ca=None, tls=None), 5)
    with listener(SETTINGS) as port:
        assert _connection.looked_at(_connection.Settings("127.0.0.1", port, tls=None), 5).tls is False


def test_wrong_schemes(bare, ready):
    with pytest.raises(dither.Unavailable, match="got TLS; write dither://"):
        dither.connect(f"dither+plain://127.0.0.1:{ready['grpc']}")
    with pytest.raises(dither.Unavailable, match="7449"):
        dither.connect(f"dither://127.0.0.1:{ready['http']}", ca=ready["ca"])


def settings(environment, address=None, token=None):
    return _connection.settings(address, token, None, None, None, None, environment)


def log_in(tmp_path, text, mode=0o600):
    file = tmp_path / "dither" / "login.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(mode)
    return {"XDG_CONFIG_HOME": str(tmp_path)}


def test_a_login_is_used_for_its_address_alone(tmp_path):
    environment = log_in(tmp_path, json.dumps({"address": "dither://a:1", "token": "t", "ca": "/ca.pem"}))
    found = settings(environment)
    assert (found.host, found.port, found.token, found.ca, found.tls) == ("a", 1, "t", "/ca.pem", True)
    assert settings({**environment, "DITHER_ADDRESS": "dither://a:1"}).token == "t"
    assert settings(environment, "dither://b:1").token is None
    assert settings({**environment, "DITHER_ADDRESS": "dither://a:2"}).ca is None
    assert settings({**environment, "DITHER_TOKEN": "own"}).token == "own"
    assert settings({"XDG_CONFIG_HOME": str(tmp_path / "none")}).port == 7447
    assert repr(found) == "Settings(dither://a:1)"
    kept = {"address": "dither://a:1", "certificate": "/c.pem", "key": "/c.key"}
    environment = log_in(tmp_path, json.dumps(kept))
    found = settings(environment)
    assert (found.token, found.certificate, found.key) == (None, "/c.pem", "/c.key")
    assert settings(environment, "dither://b:1").certificate is None
    own = settings({**environment, "DITHER_CERTIFICATE": "/o.pem", "DITHER_KEY": "/o.key"})
    assert (own.host, own.certificate, own.key) == ("a", "/o.pem", "/o.key")
    with pytest.raises(dither.InvalidArgument, match="belong together"):
        settings({**environment, "DITHER_KEY": "/o.key"})


@pytest.mark.parametrize(
    "text, mode, words",
    [('{"address": "dither://a:1"}', 0o644, "chmod 600"), ("[]", 0o600, "other text"), ('{"address": 1}', 0o600, "other")],
)
def test_wrong_logins(tmp_path, text, mode, words):
    environment = log_in(tmp_path, text, mode)
    with pytest.raises(dither.InvalidArgument, match=words):
        settings(environment)
    # With both said there is no need of it.
    assert settings({**environment, "DITHER_ADDRESS": "dither://b:1", "DITHER_TOKEN": "t"}).host == "b"


def test_wrong_ready_files(bare, tmp_path):
    with pytest.raises(dither.InvalidArgument, match="--ready-file"):
        dither.connect(ready_file=tmp_path / "absent.json")
    (tmp_path / "r.json").write_text("[]")
    with pytest.raises(dither.InvalidArgument, match="other text"):
        dither.connect(ready_file=tmp_path / "r.json")


def test_roles(bare, ready_file):
    token = os.environ.get("DITHER_PREDICT_TOKEN")
    if not token:
        pytest.skip("no token of the role predict: DITHER_PREDICT_TOKEN is not set")
    with dither.connect(ready_file=ready_file, token=token) as client:
        assert client.models("fashion")
        with pytest.raises(dither.PermissionDenied, match="publish"):
            client.remove("fashion-mlp-noise")


def test_a_closed_client(ready_file):
    client = dither.connect(ready_file=ready_file)
    client.close()
    with pytest.raises(dither.Unavailable, match="closed"):
        client.models()


def test_retries():
    """As often as it helps, as long as there is time, and never of a call that may not be made twice."""
    from dither import _methods, _steps

    def failing(method, errors, timeout=60.0):
        steps, asked, slept = _steps.call(method, "request", _steps.Deadline(timeout)), 0, []
        step = next(steps)
        for error in errors:
            asked += 1
            assert isinstance(step, _steps.Ask)
            step = steps.throw(error)
            assert isinstance(step, _steps.Sleep)
            slept.append(step.seconds)
            step = steps.send(None)
        try:
            steps.send("answer")
        except StopIteration as stop:
            assert stop.value == "answer"
        return slept

    away, busy = dither.Unavailable("away"), dither.ResourceExhausted("busy", retry_after=0.7)
    slept = failing(_methods.PREDICT, [away, busy, away, away])
    assert slept[1] >= 0.7 and slept[3] > slept[0]
    with pytest.raises(dither.Unavailable):
        failing(_methods.PREDICT, [away] * 6)
    for method, error in [
        (_methods.REMOVE_MODEL, away),
        (_methods.PREDICT, dither.ResourceExhausted("too large")),
        (_methods.PREDICT, dither.InvalidArgument("wrong")),
    ]:
        with pytest.raises(type(error)):
            failing(method, [error])
    with pytest.raises(dither.ResourceExhausted):
        failing(_methods.PREDICT, [busy], timeout=0.5)


def test_a_server_that_goes(bare, ready_file):
    """Behind a relay that is closed: the next call says where it was."""
    with open(ready_file, encoding="utf-8") as file:
        ready = json.load(file)
    program = textwrap.dedent(f"""
        import socket, threading
        server = socket.create_server(("127.0.0.1", 0))
        print(server.getsockname()[1], flush=True)
        def copy(a, b):
            try:
                while data := a.recv(65536):
                    b.sendall(data)
            except OSError:
                pass
            b.close()
        while True:
            a, _ = server.accept()
            b = socket.create_connection(("127.0.0.1", {ready["grpc"]}))
            threading.Thread(target=copy, args=(a, b), daemon=True).start()
            threading.Thread(target=copy, args=(b, a), daemon=True).start()
        """)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as relay:
        port = int(relay.stdout.readline())
        with dither.connect(f"dither://127.0.0.1:{port}", token=ready["token"], ca=ready["ca"]) as client:
            assert client.models("fashion")
            relay.kill()
            relay.wait()
            with pytest.raises(dither.Unavailable, match=f"127.0.0.1:{port}"):
                client.models("fashion", timeout=3)
