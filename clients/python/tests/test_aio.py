"""The twin for asyncio: the same methods, the same answers."""

import asyncio
import inspect

import numpy as np
import pytest

import dither
from dither import aio


@pytest.mark.parametrize(("sync", "asynchronous"), [(dither.Client, aio.AsyncClient), (dither.Model, aio.AsyncModel)])
def test_twins_have_the_same_methods(sync, asynchronous):
    def methods(kind):
        return {name: method for name, method in vars(kind).items() if inspect.isfunction(method) and name[0] != "_"}

    one, other = methods(sync), methods(asynchronous)
    assert one.keys() == other.keys()
    for name in one:
        assert inspect.iscoroutinefunction(other[name]), name
        assert inspect.signature(one[name]).parameters == inspect.signature(other[name]).parameters, name
    assert inspect.signature(dither.connect).parameters == inspect.signature(aio.connect).parameters


def test_calls(ready_file, model, images, onnx_file, examples):
    async def main():
        async with await aio.connect() as client:
            twin = await client.model("fashion-mlp-noise")
            wanted = model.predict(images, samples=8, seed=1).probabilities
            answers = await asyncio.gather(*(twin.predict(images, samples=8, seed=1) for _ in range(8)))
            assert all(np.allclose(answer.probabilities, wanted, atol=1e-6) for answer in answers)
            made = await client.upload(onnx_file, name="from-aio", aliases=["best"])
            assert (await made.set_alias("stable")).aliases
            assert (await made.calibrate(examples, samples=4)).number >= 1
            assert await client.remove("from-aio", force=True, purge=True) == 1
            seen = []
            report = await twin.audit(
                (images, np.zeros(12, int)), probes=["clean"], gates="clean>=0", progress=seen.append
            )
            report.assert_gates()
            assert seen and (await client.report(report.audit)).json == report.json
            state = await client.start_audit("mnist-cnn-noise", (images, np.zeros(12, int)), probes=["pgd"])
            await client.cancel_audit(state.audit)
            with pytest.raises(dither.NotFound, match="did you mean"):
                await client.model("fashion-mlp-nois")
            with pytest.raises(dither.NotFound):
                await client.watch_audit("no-such-audit")
            with pytest.raises(dither.DeadlineExceeded):
                await twin.predict(np.repeat(images, 20, axis=0), samples=4096, timeout=0.01)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(twin.predict(np.repeat(images, 20, axis=0), samples=4096), 0.05)
        with pytest.raises(dither.Unavailable, match="closed"):
            await client.models()

    asyncio.run(main())


def test_errors_of_connecting():
    with pytest.raises(dither.InvalidArgument, match="dither://host:port"):
        asyncio.run(aio.connect("nowhere"))
