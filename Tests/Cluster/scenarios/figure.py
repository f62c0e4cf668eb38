"""A figure with its bar, and a scenario as the program runs it."""


class Figure:
    """`must`: the bar is one of correctness. Bars of speed are said, and missed by a machine that has other work."""

    def __init__(self, what, measured, bar, holds, must=False):
        self.what, self.measured, self.bar = what, str(measured), bar
        self.verdict = ("held" if holds else "MISSED") if must else ("held" if holds else "not reached here")

    def line(self):
        return f"{self.what}: {self.measured} (bar: {self.bar}): {self.verdict}"


class Scenario:
    def __init__(self, module):
        self.NAME, self.run = module.NAME, module.run

    def broken(self, words):
        return Figure("runs to its end", words.replace("\n", " ").replace("|", "/")[:300], "yes", False, must=True)
