"""The 19 corruptions of CIFAR-10-C beside the Python package imagecorruptions: color pictures of 32 x 32, severity 3, one core.

    corruptions.py DITHER [--seconds S]

Each is a process of its own; they take turns, twice, and the better median of each corruption counts. Constants are each one's own
(imagecorruptions has ImageNet-C's): they change what a picture looks like more than what it costs.
"""

import argparse
import json
import statistics
import sys
import time

from engine import shown, spawn

NAMES = [
    "gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "snow", "frost",
    "fog", "brightness", "contrast", "elastic_transform", "pixelate", "jpeg_compression", "speckle_noise", "gaussian_blur",
    "spatter", "saturate",
]


def theirs(seconds):
    import warnings

    import cv2
    import numpy

    warnings.simplefilter("ignore")
    cv2.setNumThreads(1)
    # The package was written for a NumPy and a scikit-image that Python 3.11 cannot install: two names are given back to it.
    numpy.float_ = numpy.float64
    import imagecorruptions
    from imagecorruptions import corruptions
    from skimage.filters import gaussian

    corruptions.gaussian = lambda x, sigma, multichannel=False, **rest: gaussian(
        x, sigma=sigma, channel_axis=-1 if multichannel else None, **rest)
    picture = (numpy.random.RandomState(0).rand(32, 32, 3) * 255).astype(numpy.uint8)
    times = {}
    for name in NAMES:
        imagecorruptions.corrupt(picture, severity=3, corruption_name=name)
        rounds, end = [], time.perf_counter() + seconds / len(NAMES)
        while time.perf_counter() < end or len(rounds) < 5:
            start = time.perf_counter()
            for _ in range(8):
                imagecorruptions.corrupt(picture, severity=3, corruption_name=name)
            rounds.append((time.perf_counter() - start) / 8)
        times[name] = statistics.median(rounds)
    return times


def ours(dither, seconds):
    said = spawn([dither, "bench", "corruption/cifar", "--json", "--seconds", str(seconds)], 1)
    return json.loads(said)["benches"][0]["details"] if said else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dither")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        print(json.dumps(theirs(arguments.seconds)))
        return
    best = {}
    for _ in range(2):
        command = [sys.executable, __file__, arguments.dither, "--peer", "--seconds", str(arguments.seconds)]
        for name, found in [("Dither", ours(arguments.dither, arguments.seconds)), ("peer", json.loads(spawn(command, 1)))]:
            for corruption, taken in found.items():
                key = name, corruption
                best[key] = min(taken, best.get(key, taken))
    print("| corruption | Dither | imagecorruptions | times faster |")
    print("| --- | --- | --- | --- |")
    for corruption in NAMES:
        mine, peer = best["Dither", corruption], best["peer", corruption]
        print(f"| {corruption} | {shown(mine)} | {shown(peer)} | {peer / mine:.1f} |")
    mine, peer = (sum(best[name, corruption] for corruption in NAMES) for name in ("Dither", "peer"))
    print(f"| all 19 | {shown(mine)} | {shown(peer)} | {peer / mine:.1f} |")
    print(f"| images a second, over all 19 | {19 / mine:.0f} | {19 / peer:.0f} | |")


if __name__ == "__main__":
    main()
