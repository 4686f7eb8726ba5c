"""Families as a resources server of NeMo Gym, for its agent of environments that are stepped.

A step has a whole response, so that the calls of a turn stay together. The talk can only be added
to, so that rounds need the memory `conversation`. `row` gives a line of a data file.
"""

from typing import Any

from nemo_gym.base_resources_server import BaseResourcesServerConfig
from nemo_gym.openai_utils import NeMoGymResponse
from resources_servers.gymnasium import GymnasiumServer, extract_text

from harness.suites import instances
from makespan.arenas.carried import figures, growing, judged, news
from makespan.episodes import Episode, chat, start
from makespan.frames import read_line
from tasks.base import Ask, Fields, Instance, Reply, ToolCall

CUT_OFF = "max_output_tokens"


def row(instance: Instance[Any], memory: str | None = None) -> Fields:
    """Return a line of a data file for an instance.

    Args:
        instance: what is worked on.
        memory: the agent's; None is `conversation` where there are rounds.
    """
    chosen = growing(instance, memory)
    ask = start(instance, memory=chosen).ask
    offered = [
        {
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
            "strict": False,
        }
        for tool in ask.tools
    ]
    return {
        "responses_create_params": {
            "input": chat(ask),
            "tools": offered,
            "parallel_tool_calls": True,
        },
        "instance": instances.encode(instance).decode(),
        "memory": chosen,
    }


class MakespanServer(GymnasiumServer):  # type: ignore[misc]
    """An episode a session; what breaks is an error of the request, never a reward."""

    config: BaseResourcesServerConfig

    async def reset(
        self, metadata: Fields, session_id: str | None = None
    ) -> tuple[str | None, Fields]:
        """Begin the episode of a row; what is asked first stands in the row."""
        problem = read_line(metadata["instance"])
        memory = growing(problem, metadata.get("memory"))
        self.session_state[session_id] = start(problem, memory=memory)
        return None, {}

    async def step(
        self,
        action: NeMoGymResponse,
        metadata: Fields,  # noqa: ARG002
        session_id: str | None = None,
    ) -> tuple[str | None, float, bool, bool, Fields]:
        """Give a response to the episode.

        Returns:
            What the talk goes on with, the reward (at the end), whether that is the end, False, and
            the results of tools or the figures of the grade.

        Raises:
            InputError: what is asked next does not go on with the talk.
            SolverFailure: the episode refutes the instance's reference: no fault of the model.
        """
        episode: Episode = self.session_state[session_id]
        before = episode.ask
        episode.reply(reply_of(action))
        if episode.done:
            grade, reward = judged(episode)
            return None, reward.value, True, False, figures(grade, reward)
        words, outputs = _news(before, episode.ask, [call.call_id for call in _calls(action)])
        return words, 0.0, False, False, {"tool_outputs": outputs}


def _news(before: Ask, after: Ask, calls: list[str]) -> tuple[str | None, list[Fields]]:
    messages = news(before, after)
    results = [message.content for message in messages if message.role == "tool"]
    outputs = [
        {"call_id": call, "output": result} for call, result in zip(calls, results, strict=True)
    ]
    words = "\n\n".join(message.content for message in messages if message.role != "tool")
    return words or None, outputs


def _calls(action: NeMoGymResponse) -> list[Any]:
    return [item for item in action.output if item.type == "function_call"]


def reply_of(action: NeMoGymResponse) -> Reply:
    """Return a response as a reply."""
    details = action.incomplete_details
    cut_off = bool(details and details.reason == CUT_OFF)
    calls = tuple(ToolCall(call.call_id, call.name, call.arguments) for call in _calls(action))
    return Reply(extract_text(action), calls, finish="length" if cut_off else "stop")


if __name__ == "__main__":
    MakespanServer.run_webserver()
