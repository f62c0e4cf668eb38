"""Text of callers is neither markup in the console nor a control sequence on a terminal or in the log."""

from support import Server, command, need

SCRIPT, ESCAPE = "<script>alert(1)</script>", "\u001b[2J\u001b]0;owned\u0007"


def check() -> str:
    with Server() as server:
        for text in (SCRIPT, ESCAPE):
            for message in (
                {"model": text},
                {"model": "mnist-mlp-noise", "measures": [text], "input": {"type": "FLOAT32", "shape": ["1", "784"]}},
            ):
                status, body = server.ask("/v1/Inference/Predict", message)
                need(status in (400, 404), f"{status}")
                need(b"\x1b" not in body and b"\x07" not in body, "an answer has a control character")
            for path in (f"/models/{text}", f"/audits/{text}"):
                quoted = "".join(f"%{byte:02x}" for byte in path.encode()).replace("%2f", "/")
                status, body = server.ask(quoted)
                need(SCRIPT.encode() not in body, f"{path}: markup of a caller")
        words = server.words()
        need("\x1b" not in words and "\x07" not in words, "the log has a control character")
        address = f"dither://127.0.0.1:{server.ports['framed']}"
        shown = command("models", "show", ESCAPE, "--address", address, "--token", server.token, "--ca", server.ca)
        need(shown.returncode != 0 and "\x1b" not in shown.stdout + shown.stderr, "the command line prints it")
        return "no markup, no control sequence"
