"""A server of one's own on the loopback, callers of its doors, and what it costs."""

from __future__ import annotations

import atexit
import base64
import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from typing import Any, Callable, Iterator, Optional

import grpc
from dither import _methods

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = ROOT / "models"
MODEL = "mnist-mlp-noise"
DEEP = "mnist-cnn-noise"
_program: Optional[str] = None
_servers: list["Server"] = []


class Wrong(Exception):
    """A server that does otherwise than is right."""


class Skipped(Exception):
    """A fault that cannot be made here."""


def use(program: str) -> None:
    global _program
    _program = os.path.abspath(program)


def need(holds: bool, words: str) -> None:
    if not holds:
        raise Wrong(words)


def scratch() -> pathlib.Path:
    path = pathlib.Path(tempfile.mkdtemp(prefix="dither-fault-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def command(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run([_program, *map(str, words)], capture_output=True, text=True, timeout=120)


class Server:
    """`with Server() as server:`; ends with SIGKILL where it has not ended by itself."""

    def __init__(self, *arguments: str, state: Optional[pathlib.Path] = None, models: bool = True, stderr: Any = None):
        self.state = state or scratch() / "state"
        self.ready = self.state.parent / f"ready-{len(_servers)}-{self.state.name}.json"
        self.log = self.state.parent / f"log-{len(_servers)}-{self.state.name}"
        ports = ["--framed-port", "0", "--grpc-port", "0", "--http-port", "0"]
        places = ["--state", str(self.state), "--ready-file", str(self.ready)]
        self.command = [_program, "serve", *ports, *places, *(["--models", str(MODELS)] if models else []), *arguments]
        begun = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=stderr or log, env=dict(os.environ)
            )
        self.is_plain = "--insecure" in arguments
        _servers.append(self)
        while not self.ready.exists() or self.ready.stat().st_size == 0:
            if self.process.poll() is not None:
                raise Wrong(f"the server ended with {self.process.returncode}: {self.words()[-600:]}")
            if time.monotonic() - begun > 60:
                self.__exit__()
                raise Wrong("the server is not ready after 60 s")
            time.sleep(0.005)
        self.seconds_to_ready = time.monotonic() - begun
        facts = json.loads(self.ready.read_text())
        self.ports = {door: facts[door] for door in ("framed", "grpc", "http")}
        self.token, self.ca = facts["token"], facts["ca"]

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: Any) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def words(self) -> str:
        return self.log.read_text(errors="replace")

    def stop(self, number: int = signal.SIGTERM, within: float = 60) -> float:
        """Sends a signal; returns the seconds until the end."""
        begun = time.monotonic()
        self.process.send_signal(number)
        try:
            self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise Wrong(f"signal {number} has not ended it within {within} s") from None
        return time.monotonic() - begun

    # What it costs.

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def memory(self) -> float:
        """MiB that are resident."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        return 0

    def cpu(self) -> float:
        """Seconds of all cores."""
        words = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def files(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def seconds_until_calm(self, within: float = 60) -> float:
        """From now until it computes no more."""
        begun = last = time.monotonic()
        before = self.cpu()
        while time.monotonic() - begun < within:
            time.sleep(0.1)
            now = self.cpu()
            if now - before > 0.03:
                last = time.monotonic()
            elif time.monotonic() - last > 0.7:
                return last - begun
            before = now
        return within

    # Its doors.

    def token_of(self, name: str, *roles: str) -> str:
        words = [word for role in roles for word in ("--role", role)]
        made = command("tokens", "create", "--state", self.state, "--name", name, *words)
        need(made.returncode == 0, f"no token: {made.stderr}")
        return made.stdout.split()[-1]

    def ask(
        self, path: str, message: Any = None, token: Optional[str] = None, timeout: float = 60
    ) -> tuple[int, bytes]:
        """By POST where there is a message, else by GET."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["http"], timeout=timeout)
        try:
            body = message if message is None or isinstance(message, bytes) else json.dumps(message)
            token = self.token if token is None else token
            headers = {"authorization": f"Bearer {token}"} if token else {}
            connection.request("GET" if body is None else "POST", path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def predict(self, timeout: float = 60, token: Optional[str] = None, model: str = MODEL, **fields: Any) -> int:
        return self.ask("/v1/Inference/Predict", predict(model, **fields), token, timeout)[0]

    def channel(self, token: Optional[str] = None, **options: Any) -> "Channel":
        return Channel(self, self.token if token is None else token, options)

    def connect(self, door: str = "framed", timeout: float = 30, hello: bool = False) -> ssl.SSLSocket:
        raw = socket.create_connection(("127.0.0.1", self.ports[door]), timeout=timeout)
        if door == "http":
            return raw  # type: ignore[return-value]
        greeting = delimited(field(1, number(1, 1) + number(3, 16 << 20) + number(5, 1 << 30)))
        if self.is_plain:
            if hello:
                raw.sendall(greeting)
            return raw  # type: ignore[return-value]
        context = ssl.create_default_context(cafile=self.ca)
        context.check_hostname = False
        context.set_alpn_protocols(["dither/1" if door == "framed" else "h2"])
        wrapped = context.wrap_socket(raw, server_hostname="localhost")
        if hello:
            wrapped.sendall(greeting)
        return wrapped


class Channel:
    """Calls of the gRPC door, by the methods of the Python client."""

    def __init__(self, server: Server, token: str, options: dict[str, Any]):
        chosen = {"grpc.use_local_subchannel_pool": 1, "grpc.max_receive_message_length": -1, **options}
        self.metadata = [("authorization", f"Bearer {token}")] if token else []
        self.channel = grpc.secure_channel(
            f"localhost:{server.ports['grpc']}",
            grpc.ssl_channel_credentials(pathlib.Path(server.ca).read_bytes()),
            options=list(chosen.items()),
        )

    def bare(self, path: str, kind: str = "unary_unary") -> Callable:
        return getattr(self.channel, kind)(path, request_serializer=None, response_deserializer=None)

    def stub(self, method: Any) -> Callable:
        return getattr(self.channel, method.kind)(
            method.path,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=method.response.FromString,
        )

    def call(self, method: Any, request: Any, timeout: float = 60) -> Any:
        return self.stub(method)(request, timeout=timeout, metadata=self.metadata)

    def upload(self, name: str, content: bytes, timeout: float = 60, chunk: int = 1 << 18) -> Any:
        begin = _methods.registry.UploadBegin(name=name, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())

        def pieces() -> Iterator[Any]:
            yield _methods.UPLOAD.request(begin=begin)
            for offset in range(0, len(content), chunk):
                piece = _methods.registry.UploadChunk(offset=offset, data=content[offset : offset + chunk])
                yield _methods.UPLOAD.request(chunk=piece)

        return self.call(_methods.UPLOAD, pieces(), timeout)

    def close(self) -> None:
        self.channel.close()


def predict(model: str = MODEL, rows: int = 1, **fields: Any) -> dict[str, Any]:
    shape = [str(rows), "784"] if "mlp" in model else [str(rows), "1", "28", "28"]
    zeros = base64.b64encode(bytes(rows * 784 * 4)).decode()
    return {"model": model, "input": {"type": "FLOAT32", "shape": shape, "data": zeros}, **fields}


def predict_message(model: str = MODEL, rows: int = 1, **fields: Any) -> Any:
    shape = [rows, 784] if "mlp" in model else [rows, 1, 28, 28]
    array = _methods.inference.Array(type=_methods.inference.Array.FLOAT32, shape=shape, data=bytes(rows * 784 * 4))
    return _methods.PREDICT.request(model=model, input=array, **fields)


def variant(number_: int, model: str = "fashion-mlp-noise") -> bytes:
    """A shipped file with one more entry of metadata: another file of the same model."""
    entry = field(1, b"variant") + field(2, str(number_).encode())
    return (MODELS / f"{model}.onnx").read_bytes() + field(14, entry)


# Protobuf by hand, for frames that no client would send.


def varint(value: int) -> bytes:
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def varint_of(content: bytes) -> tuple[int, int]:
    """A number at the beginning, and how many bytes it takes."""
    value = shift = at = 0
    while True:
        value |= (content[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if content[at - 1] < 0x80:
            return value, at


def field(key: int, content: bytes) -> bytes:
    return varint(key << 3 | 2) + varint(len(content)) + content


def number(key: int, value: int) -> bytes:
    return varint(key << 3) + varint(value)


def delimited(content: bytes) -> bytes:
    return varint(len(content)) + content


def opening(
    call: int, method: str, token: str = "", first: Optional[bytes] = None, more: bytes = b"", end: bool = True
) -> bytes:
    """An Open frame of the framed protocol."""
    pair = field(4, field(1, b"authorization") + field(2, f"Bearer {token}".encode())) if token else b""
    inner = number(1, call) + field(2, method.encode()) + pair + more
    if first is not None:
        inner += field(5, first)
    return delimited(field(2, inner + (number(6, 1) if end else b"")))


def wait_for_end(wire: socket.socket) -> None:
    """Reads what a framed door says, until a call of it has ended."""
    content = b""
    while True:
        part = wire.recv(1 << 16)
        need(bool(part), "the connection ended before the call")
        content += part
        # Small frames, whole or nearly: the first byte of one says its kind, and 4 is the end of a call.
        while len(content) > 5:
            length, at = varint_of(content)
            if content[at] == 4 << 3 | 2:
                return
            if len(content) < at + length:
                break
            content = content[at + length :]


@contextlib.contextmanager
def beside(call: Callable[[], Any], pause: float = 0.005) -> Iterator[list[float]]:
    """Makes a call again and again in a thread; yields the list of its seconds."""
    call()
    seconds: list[float] = []
    stopped = threading.Event()
    errors: list[BaseException] = []

    def work() -> None:
        while not stopped.is_set():
            begun = time.monotonic()
            try:
                call()
            except BaseException as error:
                errors.append(error)
                return
            seconds.append(time.monotonic() - begun)
            time.sleep(pause)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield seconds
    finally:
        stopped.set()
        thread.join(120)
    if errors:
        raise Wrong(f"another caller got {errors[0]!r}")


def share(values: list[float], part: float) -> float:
    """A quantile, by sorting."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else float("inf")
