"""The clocks of a program: none, so that reading one is an error, or one that counts its readings.

A result must not depend on how busy a machine is. Programs that people and models write to solve a
problem read a clock all the same, to stop in time; with a counted one they stop, each time at the
same place.
"""

import datetime as dates
import time
from typing import Any

CLOCKS = (
    "asctime",
    "clock_gettime",
    "clock_gettime_ns",
    "ctime",
    "gmtime",
    "localtime",
    "monotonic",
    "monotonic_ns",
    "perf_counter",
    "perf_counter_ns",
    "process_time",
    "process_time_ns",
    "sleep",
    "strftime",
    "thread_time",
    "thread_time_ns",
    "time",
    "time_ns",
)
TICK = 1_000_000  # nanoseconds from one reading of the counted clock to the next
_gmtime, _asctime, _strftime = time.gmtime, time.asctime, time.strftime


def no_clock(*_: object) -> None:
    """Refuse to tell the time: stands in the place of every clock."""
    raise RuntimeError("a program has no clock: its result must not depend on time")


def stop_clocks() -> None:
    """Have every function of `time` raise, in this process; not undone."""
    for name in CLOCKS:
        setattr(time, name, no_clock)


class CountedClock:
    """A clock that goes on by a millisecond with each reading, and with nothing else.

    Sleeping sets it forward, and so does a solver that counts its work. It begins at 0, which is
    the start of 1970 in Greenwich.
    """

    def __init__(self) -> None:
        self.elapsed = 0  # nanoseconds

    def reset(self) -> None:
        """Begin at 0 again."""
        self.elapsed = 0

    def advance(self, seconds: float) -> None:
        """Set the clock forward."""
        self.elapsed += max(0, round(seconds * 1_000_000_000))

    def read_ns(self, *_: object) -> int:
        """Return nanoseconds, a reading later than the last one."""
        self.elapsed += TICK
        return self.elapsed

    def read(self, *_: object) -> float:
        """Return seconds, a reading later than the last one."""
        return self.read_ns() / 1_000_000_000

    @property
    def milliseconds(self) -> int:
        """Return whole milliseconds; it is no reading."""
        return self.elapsed // TICK

    def sleep(self, seconds: float) -> None:
        """Set the clock forward instead of waiting; ValueError below 0, as `time.sleep`."""
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        self.advance(seconds)

    def broken_down(self, seconds: float | None = None) -> time.struct_time:
        """Return a time in parts, in Greenwich; the clock's own where none is given."""
        return _gmtime(self.read() if seconds is None else seconds)

    def text(self, parts: Any = None) -> str:
        """Return a time as `time.asctime` writes it; the clock's own where none is given."""
        return _asctime(self.broken_down() if parts is None else parts)

    def ctime(self, seconds: float | None = None) -> str:
        """Return a time as `time.ctime` writes it; the clock's own where none is given."""
        return _asctime(self.broken_down(seconds))

    def formatted(self, form: str, parts: Any = None) -> str:
        """Return a time as `time.strftime` writes it; the clock's own where none is given."""
        return _strftime(form, self.broken_down() if parts is None else parts)


CLOCK = CountedClock()  # the only one of its process, as `time` is


def count_clocks() -> None:
    """Have the functions of `time`, and now and today of `datetime`, read `CLOCK`; not undone."""
    for name in CLOCKS:
        setattr(time, name, CLOCK.read_ns if name.endswith("_ns") else CLOCK.read)
    texts = {"asctime": CLOCK.text, "ctime": CLOCK.ctime, "strftime": CLOCK.formatted}
    parts = {"gmtime": CLOCK.broken_down, "localtime": CLOCK.broken_down}
    for name, function in {"sleep": CLOCK.sleep, **parts, **texts}.items():
        setattr(time, name, function)
    dates.date, dates.datetime = CountedDate, CountedDatetime  # type: ignore[misc]


class _Dates(type):
    """The type of the two classes below, to which C code's dates and datetimes belong too."""

    def __instancecheck__(cls, instance: object) -> bool:
        return (
            isinstance(instance, cls.__bases__[0])
            if _is_ours(cls)
            else cls in type(instance).__mro__
        )

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls.__bases__[0]) if _is_ours(cls) else cls in subclass.__mro__


def _is_ours(cls: type) -> bool:
    return cls.__module__ == dates.__name__


class CountedDate(dates.date, metaclass=_Dates):
    """A date whose today is by the counted clock."""

    @classmethod
    def today(cls) -> "CountedDate":
        """Return the day of a reading."""
        return cls(*CLOCK.broken_down()[:3])


class CountedDatetime(dates.datetime, metaclass=_Dates):
    """A datetime whose now is by the counted clock."""

    @classmethod
    def now(cls, tz: dates.tzinfo | None = None) -> Any:
        """Return a reading, in a time zone; without one as in Greenwich."""
        moment = cls.fromtimestamp(CLOCK.read(), dates.UTC)
        return moment.replace(tzinfo=None) if tz is None else moment.astimezone(tz)

    @classmethod
    def utcnow(cls) -> Any:
        """Return a reading."""
        return cls.now()

    @classmethod
    def today(cls) -> Any:
        """Return a reading."""
        return cls.now()


for _counted, _original in ((CountedDate, dates.date), (CountedDatetime, dates.datetime)):
    _counted.__module__ = dates.__name__
    _counted.__name__ = _counted.__qualname__ = _original.__name__
