"""The world of a family whose episode is one question and one answer object."""

import msgspec

from tasks.base import Fields, Instance, Message, Outcome, P, Parsed, Program, Reply, ask
from tasks.parse import LONGEST, read_object


def ask_once(
    instance: Instance[P],
    messages: tuple[Message, ...],
    key: str,
    schema: Fields,
    *,
    longest: int = LONGEST,
) -> Program[Outcome]:
    """Yield the one question of an episode and return the outcome of its reply.

    Ids and numbers in it are as they were written.

    Args:
        instance: what is asked; policies answer by it.
        messages: the question as a model reads it.
        key: the key of the answer object.
        schema: the JSON schema of the answer.
        longest: characters of a reply that are looked at, from its end.
    """
    problem = msgspec.to_builtins(instance.payload)
    reply = yield from ask("answer", messages, schema=schema, view=instance, problem=problem)
    return Outcome((read_object(reply, key, longest),))


def parsed_answer(answer: Fields | None, text: str, key: str, *, longest: int = LONGEST) -> Parsed:
    """Return an answer from a file: its object as it is, else the one in the text of a reply.

    Args:
        answer: the object, if the file holds one.
        text: the raw text of a reply, read if there is no object.
        key: the key of the answer object.
        longest: characters of the text that are looked at, from its end.
    """
    if answer is not None:
        return Parsed(value=answer, how="given")
    return read_object(Reply(text), key, longest)
