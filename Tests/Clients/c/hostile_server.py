"""A server for the C client's tests that misbehaves on purpose. Standard library only, plain TCP, no protobuf runtime:
the few messages it needs are written byte by byte, so that it can also write wrong ones.

Prints its port, then serves `SCENARIOS` in order, a connection each, as `client_test.c` asks for them.
"""

import socket
import struct
import sys
import threading
import time


def varint(n):
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def number(field, n):
    return varint(field << 3) + varint(n)


def data(field, payload):
    return varint(field << 3 | 2) + varint(len(payload)) + payload


def double(field, x):
    return varint(field << 3 | 1) + struct.pack("<d", x)


def doubles(field, *xs):
    return data(field, b"".join(struct.pack("<d", x) for x in xs))


def frame(kind, payload):
    body = data(kind, payload)
    return varint(len(body)) + body


def hello(version=1, frame_bytes=1 << 20, credit=1 << 20):
    return frame(1, number(1, version) + data(2, b"hostile") + number(3, frame_bytes) + number(4, 16) + number(5, credit))


def status(code, message=b"", detail=b""):
    return number(1, code) + data(2, message) + (data(3, detail) if detail else b"")


def end(call, last=None, code=0, message=b"", detail=b""):
    body = number(1, call) + data(2, status(code, message, detail))
    return frame(4, body + (data(4, last) if last is not None else b""))


MEASURES = (
    (b"std", 0.1, 0.1), (b"predictive_entropy", 0.56), (b"mutual_information", 0.06), (b"standard_error", 0.01),
    (b"of_a_later_server", 1, 2, 3))


def measures(*all):
    return b"".join(data(13, data(1, name) + doubles(2, *values)) for name, *values in all)


def prediction(probabilities=(0.25, 0.75), label=1, more=measures(*MEASURES)):
    labelled = number(1, label) if label is not None else b""
    return data(6, labelled + data(2, b"boot") + doubles(3, *probabilities) + more)


def response(*predictions):
    head = data(1, b"toy") + number(2, 3) + data(3, b"sha256:00") + number(4, 8) + number(5, 7)
    return head + b"".join(predictions) + data(8, number(1, 5) + number(2, 9))


ANSWER = response(prediction())


def listed(version, token=b""):
    """A page of models."""
    return data(1, data(1, b"toy") + number(2, version) + data(3, b"sha256:00")) + (data(2, token) if token else b"")


class Peer:
    def __init__(self, connection):
        self.connection = connection
        self.buffer = b""

    def send(self, payload):
        self.connection.sendall(payload)

    def byte(self):
        got = self.connection.recv(1)
        if not got:
            raise ConnectionError("the client left")
        return got[0]

    def receive(self):
        """The next frame's bytes."""
        length = shift = 0
        while True:
            b = self.byte()
            length |= (b & 0x7F) << shift
            shift += 7
            if b < 0x80:
                break
        payload = b""
        while len(payload) < length:
            got = self.connection.recv(length - len(payload))
            if not got:
                raise ConnectionError("the client left")
            payload += got
        return payload

    def greeted(self, **changes):
        self.receive()
        self.send(hello(**changes))
        return self

    def opened(self, **changes):
        self.greeted(**changes)
        self.receive()
        return self


def good(peer):
    peer.opened().send(end(1, ANSWER))


def good_in_drips(peer):
    peer.receive()
    for b in hello():
        peer.send(bytes([b]))
    peer.receive()
    for b in end(1, ANSWER):
        peer.send(bytes([b]))


def good_with_message_then_end(peer):
    peer.opened().send(frame(7, number(1, 9)) + frame(3, number(1, 1) + data(2, ANSWER)) + end(1))


def good_without_credit(peer):
    peer.opened(credit=0).send(frame(6, number(1, 1) + number(2, 8)) + end(1, ANSWER))


def refused_with_retry(peer):
    peer.opened().send(end(1, code=8, message=b"busy\x1b[2J\nnow", detail=data(2, number(1, 250))))


def status_out_of_range(peer):
    peer.opened().send(end(1, code=4_000_000, message=b"?"))


def closes_at_once(peer):
    pass


def closes_in_hello(peer):
    peer.send(hello()[:5])


def garbage(peer):
    peer.send(bytes(range(256)) * 64)


def length_without_end(peer):
    peer.send(b"\xff" * 64)


def four_gigabytes(peer):
    peer.greeted().send(varint(0xFFFFFFFF) + b"x" * 1000)


def wrong_version(peer):
    peer.greeted(version=2)


def takes_next_to_nothing(peer):
    peer.greeted(frame_bytes=4095)


def takes_small_frames(peer):
    peer.greeted(frame_bytes=4096)
    time.sleep(0.2)


def hello_twice(peer):
    peer.opened().send(hello())


def answers_before_hello(peer):
    peer.receive()
    peer.send(end(1, ANSWER))


def closes_after_open(peer):
    peer.opened()


def half_an_answer(peer):
    peer.opened().send(end(1, ANSWER)[:-7])


def unknown_call(peer):
    peer.opened().send(end(77, ANSWER))


def ends_without_answer(peer):
    peer.opened().send(end(1))


def answers_twice(peer):
    message = frame(3, number(1, 1) + data(2, ANSWER))
    peer.opened().send(message + message)


def answer_is_garbage(peer):
    peer.opened().send(end(1, b"\xff\xff\xff\xff\xff"))


def frame_is_garbage(peer):
    peer.opened().send(varint(5) + b"\x0a\xff\xff\xff\xff")


def too_many_predictions(peer):
    peer.opened().send(end(1, response(prediction(), prediction())))


def no_predictions(peer):
    peer.opened().send(end(1, response()))


def measure_is_empty(peer):
    peer.opened().send(end(1, response(prediction(more=measures((b"std",))))))


def measure_has_no_name(peer):
    peer.opened().send(end(1, response(prediction(more=measures((b"", 0.1))))))


def probabilities_and_values(peer):
    peer.opened().send(end(1, response(prediction(more=doubles(14, 0.5)))))


def label_is_missing(peer):
    peer.opened().send(end(1, response(prediction(label=None))))


def label_out_of_range(peer):
    peer.opened().send(end(1, response(prediction(label=2))))


def many_empty_predictions(peer):
    peer.opened().send(end(1, response(*[data(6, b"")] * 2_000_000)))


def many_empty_details(peer):
    peer.opened().send(frame(4, number(1, 1) + data(2, number(1, 3) + data(3, b"") * 2_000_000)))


def opens_a_call(peer):
    peer.opened().send(frame(2, number(1, 1) + data(2, b"a/b")))


def unknown_frame(peer):
    peer.opened().send(frame(15, b"x"))


def goes_away(peer):
    peer.opened().send(frame(9, data(1, status(14, b"closing down"))))


def drains(peer):
    peer.opened().send(frame(9, number(2, 0)))


def endless_credit(peer):
    peer.opened()
    while True:
        peer.send(frame(6, number(1, 1) + number(2, 0)) * 100)


def silent(peer):
    peer.opened()
    time.sleep(3)


def never_greets(peer):
    peer.receive()
    time.sleep(3)


def endless_pings(peer):
    peer.opened()
    while True:
        peer.send(frame(7, number(1, 5)) * 1000)


def endless_drip(peer):
    peer.opened()
    peer.send(varint(1000))
    while True:
        peer.send(b"\x0a")
        time.sleep(0.01)


def lists_in_pages(peer):
    peer.opened().send(end(1, listed(2, b"more")))
    if data(3, b"more") in peer.receive():
        peer.send(end(2, listed(1)))


def lists_a_page_of_none(peer):
    peer.opened().send(end(1, listed(2, b"more")))
    peer.receive()
    peer.send(end(2, data(2, b"and more")))


def lists_garbage_in_the_end(peer):
    peer.opened().send(end(1, listed(2, b"more")))
    peer.receive()
    peer.send(end(2, b"\xff\xff\xff\xff\xff"))


SCENARIOS = [value for value in list(globals().values())
             if callable(value) and getattr(value, "__code__", None) and value.__code__.co_varnames[:1] == ("peer",)
             and value.__code__.co_argcount == 1]


def serve(connection, scenario):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        scenario(Peer(connection))
    except OSError:
        pass  # the client was right to leave
    finally:
        try:
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(2)
            while connection.recv(65536):
                pass
        except OSError:
            pass
        connection.close()


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(scenario.__name__ for scenario in SCENARIOS))
        return
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    threads = []
    for scenario in SCENARIOS:
        connection, _ = listener.accept()
        threads.append(threading.Thread(target=serve, args=(connection, scenario)))
        threads[-1].start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
