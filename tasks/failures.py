"""What is wrong with what a user asks, and what breaks outside the model."""


class InputError(ValueError):
    """Wrong input of the user's; the message is the one line they see (exit status 2)."""


class Failure(Exception):
    """Something outside the model's control broke; `boundary` names where.

    `kind` is its name in the table that says what is done about it: the boundary's own, or one of
    several there.
    """

    boundary = "world"

    @property
    def kind(self) -> str:
        """Return the kind of the boundary itself."""
        return self.boundary


class StoreFailure(Failure):
    """The run folder or its journal cannot be read or written."""

    boundary = "store"


class SolverFailure(Failure):
    """A reference solver broke its own promise."""

    boundary = "solver"


NO_REFERENCE = "no reference"  # what boards say where a number needs one


class NoReference(SolverFailure):
    """A score was asked for that needs the optimum or a bound, of an instance that has neither."""

    @property
    def kind(self) -> str:
        """Return its own kind."""
        return NO_REFERENCE
