"""The catalog of scenarios, in the order in which they run: each a file with NAME, run(cluster) and what it must hold."""

from . import aliases, audits, away, balancers, costs, hands, queue, trainings, writers
from .figure import Scenario

ALL = [Scenario(module) for module in (aliases, writers, away, balancers, audits, trainings, hands, queue, costs)]
