"""Writes an archive of 240 pictures with ten values each, every fifth of which is its test part, by the standard library
alone: `values.py FILE.npz`."""

import random
import struct
import sys
import zipfile

ROWS, PIXELS, VALUES = 240, 28 * 28, 10


def npy(shape, numbers):
    """NumPy's format 1.0, little-endian floats."""
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    head += " " * (-(len(head) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + struct.pack(f"<{len(numbers)}f", *numbers)


chance = random.Random(7)
with zipfile.ZipFile(sys.argv[1], "w") as archive:
    archive.writestr("x.npy", npy((ROWS, 1, 28, 28), [chance.random() for _ in range(ROWS * PIXELS)]))
    archive.writestr("y.npy", npy((ROWS, VALUES), [chance.gauss(0, 5) for _ in range(ROWS * VALUES)]))
