"""A model that is built when it is first asked: what only reads a journal needs no key."""

from collections.abc import Callable

from harness.models.base import Model
from tasks.base import Ask, Reply


class LazyModel:
    """A model that is built on its first ask; InputErrors of the building come then."""

    def __init__(self, name: str, build: Callable[[], Model]) -> None:
        self.name = name
        self._build = build
        self._model: Model | None = None

    async def reply(self, ask: Ask) -> Reply:
        """Return the model's own reply."""
        if self._model is None:
            self._model = self._build()
        return await self._model.reply(ask)

    async def close(self) -> None:
        """Give back connections, if there are any."""
        if self._model is not None:
            await self._model.close()
