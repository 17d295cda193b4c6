"""What every benchmark does alike: arguments, interleaved rounds, medians with their spread, goals, a table, JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from statistics import quantiles
from typing import Any, TypeVar

Found = TypeVar("Found")
Row = Mapping[str, object]

PACKAGES = ("uvicorn", "uvloop", "httptools", "starlette", "databases", "aiosqlite", "asyncpg", "msgspec", "libpass")


@dataclass(frozen=True, slots=True)
class Spread:
    """A median between its quartiles: on a machine that others use as well, no figure stands alone."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of at least one value."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, median, high = quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)

    def __str__(self) -> str:
        return f"{_written(self.median)} [{_written(self.low)}..{_written(self.high)}]"


@dataclass(frozen=True, slots=True)
class Sample:
    """Microseconds of one call: on the clock, and of processor time in all threads of whoever is measured."""

    wall: float
    cpu: float


Lane = Callable[[], Awaitable[Sample]]


def timed(work: Callable[[], Awaitable[object]], *, times: int) -> Lane:
    """A lane that does something so often, one after another, in this process."""

    async def run() -> Sample:
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(times):
            await work()
        return Sample((time.perf_counter() - wall) / times * 1e6, (time.process_time() - cpu) / times * 1e6)

    return run


def walls(samples: Sequence[Sample]) -> list[float]:
    """What each took on the clock."""
    return [sample.wall for sample in samples]


def cpus(samples: Sequence[Sample]) -> list[float]:
    """What each took of processor time."""
    return [sample.cpu for sample in samples]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a figure has to be, at least or at most."""

    figure: str
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None

    def is_met(self, measured: float) -> bool:
        """Whether a measured figure is good enough."""
        is_high_enough = self.at_least is None or measured >= self.at_least
        return is_high_enough and (self.at_most is None or measured <= self.at_most)

    def __str__(self) -> str:
        bound = f"at least {self.at_least}" if self.at_most is None else f"at most {self.at_most}"
        return f"{self.figure}: {bound} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that a benchmark has found; ``figures`` are what its goals name."""

    benchmark: str
    explanation: str
    is_quick: bool
    rows: list[Row] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)

    def finish(self, options: argparse.Namespace, goals: Sequence[Goal]) -> int:
        """Print the table, write the JSON where asked to; returns the exit code."""
        print(f"{self.benchmark}{' (quick: too short to be trusted)' if self.is_quick else ''}")
        print("  ".join(f"{name}: {value}" for name, value in machine().items()))
        print(f"{self.explanation.strip()}\n")
        print(_table(self.rows))
        for goal in goals:
            measured = self.figures[goal.figure]
            print(f"{'met   ' if goal.is_met(measured) else 'MISSED'}  {goal}; measured {measured:.4g}")
        if options.json is not None:
            Path(options.json).write_text(json.dumps(self._as_data(goals), indent=1) + "\n")
        is_missed = any(not goal.is_met(self.figures[goal.figure]) for goal in goals)
        return int(options.check and is_missed)

    def _as_data(self, goals: Sequence[Goal]) -> dict[str, object]:
        judged = [
            {**asdict(goal), "measured": self.figures[goal.figure], "is_met": goal.is_met(self.figures[goal.figure])}
            for goal in goals
        ]
        rows = [{name: _plain(value) for name, value in row.items()} for row in self.rows]
        return {
            "benchmark": self.benchmark,
            "is_quick": self.is_quick,
            "machine": machine(),
            "rows": rows,
            "goals": judged,
        }


def options_of(description: str | None) -> argparse.Namespace:
    """The arguments that all benchmarks take: ``quick``, ``json``, ``check``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a few seconds, to see that it works")
    parser.add_argument("--json", metavar="FILE", help="write the figures there as well")
    parser.add_argument("--check", action="store_true", help="exit 1 where a goal is missed")
    return parser.parse_args()


async def interleave(lanes: Mapping[str, Callable[[], Awaitable[Found]]], *, rounds: int) -> dict[str, list[Found]]:
    """Run each lane once a round, each round beginning with another lane, so that a slow moment hits all alike.

    The first round only warms up.
    """
    names = list(lanes)
    samples: dict[str, list[Found]] = {name: [] for name in names}
    for number in range(rounds + 1):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            sample = await lanes[name]()
            if number:
                samples[name].append(sample)
    return samples


def differences(over: Sequence[float], base: Sequence[float]) -> list[float]:
    """By how much each sample of one lane exceeds the other lane's of the same round."""
    return [value - other for value, other in zip(over, base, strict=True)]


def ratios(over: Sequence[float], base: Sequence[float]) -> list[float]:
    """What part of each sample of one lane is to the other lane's of the same round."""
    return [value / other for value, other in zip(over, base, strict=True)]


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-len(ordered) * percent // 100) - 1)]


def usable_cores() -> int:
    """The cores this process may run on, where the system tells; otherwise those of the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    installed = {name: _version(name) for name in PACKAGES}
    return {
        "cpu": _cpu_model(),
        "cores": str(usable_cores()),
        "load": f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{name: version for name, version in installed.items() if version},
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _written(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
    return "" if value is None else str(value)


def _plain(value: object) -> Any:
    return asdict(value) if isinstance(value, Spread) else value


def _table(rows: Sequence[Row]) -> str:
    """Columns in the order in which the rows name them; text to the left, figures to the right."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, *([_written(row.get(name)) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    is_text = [all(isinstance(row.get(name, ""), str) for row in rows) for name in names]
    lines = [
        "  ".join(
            cell.ljust(width) if left else cell.rjust(width)
            for cell, width, left in zip(line, widths, is_text, strict=True)
        ).rstrip()
        for line in cells
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:], ""])
