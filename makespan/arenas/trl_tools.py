"""An environment for TRL: `GRPOTrainer(environment_factory=MakespanTools, train_dataset=rows)`.

For episodes of more than one turn: with tools, or with rounds. The rows are of
`makespan.dataset(problems, memory=...)`. The trainer takes its tools from the class and not from a
row, and performs calls one by one: so the tools of an instance are told in words, and one method
calls any number of them as one turn of the virtual clock. TRL itself is not imported.
"""

import json

from makespan.arenas.carried import growing, judged, news
from makespan.episodes import Episode, start
from makespan.frames import read_line
from tasks.base import Ask, Failure, InputError, Message, Reply, Tool, ToolCall

OVER = "Nothing more is asked: the episode is over."
TOOLS = """\
The tools are called with run_tools: all calls of one run_tools run in parallel, as one turn. Your \
answer, that JSON object, goes to submit.

The tools, each with the JSON schema of its arguments:
"""
ROUNDS = "Each answer, that JSON object, goes to submit, which returns what is asked next."


class MakespanTools:
    """One episode, whose replies are calls of two methods."""

    def __init__(self) -> None:
        """Begin without an episode: `reset` starts one."""
        self._episode: Episode | None = None
        self._failure: Exception | None = None

    def reset(
        self,
        instance: str,
        memory: str | None = None,
        **_columns: object,
    ) -> str:
        """Begin the episode of a row and return how it is played, which the prompt does not say.

        Args:
            instance: the line of an instance.
            memory: the agent's; None is `conversation` where there are rounds.
        """
        problem = read_line(instance)
        self._failure = None
        self._episode = start(problem, memory=growing(problem, memory))
        offered = self._episode.ask.tools
        return TOOLS + "\n".join(map(_line, offered)) if offered else ROUNDS

    def run_tools(self, names: list[str], arguments: list[str]) -> str:
        """Call tools in parallel, as one turn.

        Args:
            names: The names of the tools, one for each call.
            arguments: The arguments of each call, a JSON object as text.

        Returns:
            The result of each call, one after another.
        """
        if len(names) != len(arguments):
            return f"Nothing was called: {len(names)} names, but {len(arguments)} arguments."
        calls = tuple(
            ToolCall(f"call{number}", str(name), _text(argument))
            for number, (name, argument) in enumerate(zip(names, arguments, strict=True))
        )
        return self._reply(Reply("", calls, finish="tool_calls" if calls else "stop"))

    def submit(self, answer: str) -> str:
        """Answer what is asked.

        Args:
            answer: The JSON object that is asked for, as text.

        Returns:
            What is asked next.
        """
        return self._reply(Reply(_text(answer)))

    def get_reward(self) -> float:
        """Return the reward; what is open is answered by nothing.

        Raises:
            InputError: no episode was begun.
            Failure: the episode broke, or a reference was refuted: no fault of the model.
        """
        if self._failure is not None:  # the trainer takes what a tool raises for its result
            raise self._failure
        if self._episode is None:
            raise InputError("no episode: call `reset` first")
        return judged(self._episode)[1].value

    def _reply(self, reply: Reply) -> str:
        episode = self._episode
        if episode is None or episode.done:
            return OVER
        try:
            before = episode.ask
            episode.reply(reply)
            return OVER if episode.done else _words(before, episode.ask)
        except (Failure, InputError) as error:
            self._failure = error
            raise


def _words(before: Ask, after: Ask) -> str:
    return "\n\n".join(map(_content, news(before, after)))


def _content(message: Message) -> str:
    return message.content


def _line(tool: Tool) -> str:
    return f"- {tool.name}: {tool.description} {json.dumps(tool.parameters, ensure_ascii=False)}"


def _text(value: object) -> str:
    """Return an argument as text: models write objects where text is asked for."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
