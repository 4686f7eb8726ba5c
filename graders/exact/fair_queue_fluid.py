"""The fluid machine of a cluster, in fractions: when jobs would end by fair shares.

At every moment all cores are shared equally among the users who have a job there, and each user's
share equally among that user's jobs (generalised processor sharing, Parekh & Gallager 1993, on two
floors).
"""

from collections.abc import Mapping
from fractions import Fraction

from tasks.fair_queue import SharedCluster


class _FluidUser:
    """The jobs of a user on the fluid machine: all of them get the same.

    Attributes:
        level: what each job that has been there since the user came has got, in ms of a core.
        due: at which level a job ends, by its number.
    """

    def __init__(self) -> None:
        self.level = Fraction(0)
        self.due: dict[int, Fraction] = {}

    def serve(self, share: Fraction) -> list[int]:
        """Give each job so many ms of a core; return the jobs that end by it."""
        self.level += share
        ended = [number for number, due in self.due.items() if due <= self.level]
        for number in ended:
            del self.due[number]
        return ended


def fluid_ends(cluster: SharedCluster) -> list[Fraction]:
    """Return when each job would end if cores could be shared in any parts, exactly, in ms."""
    now, ends, users = Fraction(0), [Fraction(0)] * len(cluster.jobs), dict[int, _FluidUser]()
    coming = list(reversed([*enumerate(cluster.jobs)]))
    while coming or users:
        if not users:
            now = Fraction(coming[-1][1].at)
        while coming and coming[-1][1].at <= now:
            number, job = coming.pop()
            user = users.setdefault(job.user, _FluidUser())
            user.due[number] = user.level + job.work
        rates = {name: _rate(cluster, users, user) for name, user in users.items()}
        step = min((min(u.due.values()) - u.level) / rates[name] for name, u in users.items())
        if coming:
            step = min(step, coming[-1][1].at - now)
        now += step
        for name, user in list(users.items()):
            for number in user.serve(rates[name] * step):
                ends[number] = now
            if not user.due:
                del users[name]
    return ends


def _rate(cluster: SharedCluster, users: Mapping[int, _FluidUser], user: _FluidUser) -> Fraction:
    return Fraction(cluster.cores, len(users) * len(user.due))
