"""What the tests share: the server that the environment names, and rows for its model, which takes 784 numbers."""

import os

import numpy as np

GRPC = os.environ["DITHER_GRPC"]
HTTP = os.environ["DITHER_HTTP"]
MODEL = os.environ["DITHER_MODEL"]
CA = os.environ["DITHER_CA"]
TOKEN = os.environ["DITHER_TOKEN"]


def bearer():
    """Made anew: clients add to it."""
    return {"authorization": f"Bearer {TOKEN}"}


def rows(count, shape, seed=1):
    return np.random.default_rng(seed).random((count, *shape), dtype=np.float32)


def credentials():
    import grpc

    with open(CA, "rb") as file:
        tls = grpc.ssl_channel_credentials(root_certificates=file.read())
    return grpc.composite_channel_credentials(tls, grpc.access_token_call_credentials(TOKEN))
