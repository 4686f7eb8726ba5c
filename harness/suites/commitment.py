"""Seeds by commitment: a secret is bound by its digest before a run, and shown after it.

The digest is published first. The seed of the ranked instances is an HMAC of the secret, so that
nobody, neither a model nor who runs it, could know the instances before the secret was drawn, and
who drew it could not choose them after having seen results. Committed seeds are 2^40 and above;
public ones are from 0 on, far below.
"""

import hmac
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from harness.families.registry import family
from harness.suites.suite import Commitment, Suite, asides_of, family_versions
from tasks.base import InputError, Noun
from tasks.prompts import Prompts, prompts_of

FORMAT = 1
FIRST = 2**40  # the least committed seed
SPAN = 2**52  # how many there are, so that all are whole numbers in any reader of JSON
REVEALED = "revealed.json"  # in a run folder
HEX = frozenset("0123456789abcdef")


class Secret(Noun, frozen=True):
    """The secret of a commitment, in a file of its owner until it is revealed.

    Attributes:
        suite: its name.
        lock: of the suite with the seed 0: entries, versions and prompts are bound too.
        secret: 64 hex digits.
        drawn: the day on which it was drawn, as its owner says.
        revealed: the day on which it was shown; None while it is kept.
        format: of the file.
    """

    suite: str
    lock: str
    secret: str
    drawn: str
    revealed: str | None = None
    format: int = FORMAT

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise ValueError(f"format {self.format} is not {FORMAT}")
        if len(self.secret) != 64 or not HEX.issuperset(self.secret):
            raise ValueError("secret: not 64 hex digits")

    @property
    def digest(self) -> str:
        """Return what is published first: SHA-256 of the suite, its lock and the secret."""
        content = ["makespan commitment", FORMAT, self.suite, self.lock, self.secret]
        return sha256(msgspec.json.encode(content)).hexdigest()

    @property
    def seed(self) -> int:
        """Return the seed of the instances, from 2^40 on: HMAC-SHA-256 of the secret."""
        message = msgspec.json.encode(["makespan seed", self.suite, self.lock])
        number = hmac.digest(bytes.fromhex(self.secret), message, "sha256")
        return FIRST + int.from_bytes(number) % SPAN

    @property
    def commitment(self) -> Commitment:
        """Return what a suite, a manifest and a board tell of it."""
        return Commitment(self.digest, self.drawn)


def public_lock(suite: Suite, prompts: Prompts) -> str:
    """Return the lock that a suite has with the seed 0 and these prompts, whatever its own seed."""
    public = replace(suite, seed=0, commitment=UNSET)
    return public.lock(family_versions(suite.families, prompts, asides_of(suite.entry)))


def draw(suite: Suite, secret: str, day: str) -> Secret:
    """Return a commitment to a suite, with the prompts of this version of the project.

    Args:
        suite: that can be generated.
        secret: 64 hex digits from a source that nobody can foresee.
        day: on which it is drawn.

    Raises:
        InputError: the instances of the suite are from files, so that no seed makes others.
    """
    if not suite.entry:
        raise InputError(f"suite {suite.name}: its instances are from files, not from a seed")
    asides = asides_of(suite.entry)
    prompts = prompts_of(family(name).using(asides.get(name, ())) for name in suite.families)
    return Secret(suite.name, public_lock(suite, prompts), secret, drawn=day)


def committed(suite: Suite, secret: Secret) -> Suite:
    """Return a suite with the seed of a commitment, which becomes part of its lock.

    Args:
        suite: as it is here and now.
        secret: that was committed to.

    Raises:
        InputError: the commitment is to another suite, or to another version of it.
    """
    lock = draw(suite, secret.secret, secret.drawn).lock
    if (secret.suite, secret.lock) != (suite.name, lock):
        raise InputError(
            f"`commitment` is to {secret.suite} with the lock {secret.lock}, not to {suite.name}"
            f" with {lock}: draw another, or use the makespan that drew it"
        )
    return replace(suite, seed=secret.seed, commitment=secret.commitment)


def problems_of(suite: Suite, prompts: Prompts, secret: Secret) -> list[str]:
    """Return what is wrong with a suite that is said to be of a commitment, a line each.

    Args:
        suite: of a run.
        prompts: of that run.
        secret: as it was revealed.
    """
    if not suite.commitment:
        return ["its suite has no commitment: its seed is public"]
    lines = []
    if secret.suite != suite.name:
        lines.append(f"the secret is of suite {secret.suite}, the run of {suite.name}")
    if secret.lock != (lock := public_lock(suite, prompts)):
        lines.append(f"the secret is of a suite with the lock {secret.lock}, the run has {lock}")
    if secret.digest != suite.commitment.digest:
        lines.append(
            f"the secret has the digest {secret.digest}, published was {suite.commitment.digest}"
        )
    if secret.seed != suite.seed:
        lines.append(f"seed {suite.seed} is not the commitment's, which is {secret.seed}")
    if secret.drawn != suite.commitment.drawn:
        lines.append(
            f"the secret was drawn on {secret.drawn}, the run says {suite.commitment.drawn}"
        )
    return lines


def read_secret(path: Path) -> Secret:
    """Read the file of a secret, kept or revealed; InputError says what is wrong with it."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Secret)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InputError(f"{path} is no file of `makespan commit`: {error}") from None


def pretty(secret: Secret) -> bytes:
    """Return the content of a secret's file."""
    return msgspec.json.format(msgspec.json.encode(secret), indent=2) + b"\n"
