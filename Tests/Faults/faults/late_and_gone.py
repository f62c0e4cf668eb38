"""A deadline, a cancel and a vanished client each end the computing within two seconds."""

import time

import grpc
from dither import _methods
from support import DEEP, MODEL, Server, need, predict_message

MANY = {"samples": 65_536}


def check() -> str:
    figures = []
    with Server() as server:
        channel = server.channel()
        channel.call(_methods.PREDICT, predict_message(DEEP, samples=1))
        cases = [(DEEP, MANY), (MODEL, MANY | {"draws": 1}), (DEEP, {"samples": 512, "rows": 16})]
        for model, fields in cases:
            for kind in ("deadline", "cancel", "gone"):
                own = server.channel()
                call = own.stub(_methods.PREDICT).future(
                    predict_message(model, **fields), timeout=0.05 if kind == "deadline" else 60, metadata=own.metadata
                )
                time.sleep(0.3)
                if kind == "cancel":
                    call.cancel()
                elif kind == "gone":
                    own.close()
                try:
                    call.result()
                except (grpc.RpcError, grpc.FutureCancelledError):
                    pass
                calm = server.seconds_until_calm(30)
                figures.append(f"{model.split('-')[1]} {kind} {calm:.1f} s")
                need(calm < 2, f"{figures[-1]} of computing after it")
                own.close()
    return ", ".join(figures)
