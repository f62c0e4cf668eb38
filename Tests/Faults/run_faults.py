"""Runs the faults of faults/, one after the other, each against servers of its own."""

import importlib
import pathlib
import sys
import time
import traceback

from support import Skipped, Wrong, use

FOLDER = pathlib.Path(__file__).parent / "faults"


def main() -> int:
    if len(sys.argv) < 2:
        print("usage: run PATH/TO/dither [NAME…] [--list]", file=sys.stderr)
        return 2
    names = sorted(path.stem for path in FOLDER.glob("*.py"))
    asked = [word for word in sys.argv[2:] if not word.startswith("--")]
    unknown = set(asked) - set(names)
    if unknown:
        print(f"no fault {', '.join(sorted(unknown))}; there are {', '.join(names)}", file=sys.stderr)
        return 2
    use(sys.argv[1])
    failed = 0
    for name in asked or names:
        module = importlib.import_module(f"faults.{name}")
        if "--list" in sys.argv:
            print(f"{name}: {module.__doc__.strip().splitlines()[0]}")
            continue
        begun = time.monotonic()
        try:
            verdict, figures = "ok", module.check()
        except Skipped as reason:
            verdict, figures = "skipped", str(reason)
        except Wrong as reason:
            verdict, figures = "FAILED", f"{reason}; right is: {module.__doc__.strip().splitlines()[0]}"
        except Exception:
            verdict, figures = "FAILED", traceback.format_exc()
        failed += verdict == "FAILED"
        print(f"{verdict:7} {name} ({time.monotonic() - begun:.0f} s): {figures}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
