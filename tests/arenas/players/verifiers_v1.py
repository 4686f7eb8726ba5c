"""The taskset of verifiers v1: traces of recordings, scored by its tasks without a runtime."""

import asyncio

import verifiers.v1 as vf
from verifiers.v1.graph import MessageNode
from verifiers.v1.trace import AgentInfo, ModelCall, TraceTask
from verifiers.v1.types import AssistantMessage, UserMessage
from verifiers.v1.types import ToolCall as Call

from harness.suites import instances
from makespan.arenas.verifiers_v1 import MakespanTask, data
from tasks.base import Reply
from tests.arenas.played import Absent, Played, Recorded, corpus, in_turn, only_added_to, report


def node(reply: Reply, parent: int) -> MessageNode:
    """A model's turn in a trace."""
    calls = [Call(id=call.id, name=call.name, arguments=call.arguments) for call in reply.calls]
    message = AssistantMessage(content=reply.text, tool_calls=calls or None)
    return MessageNode(parent=parent, message=message, sampled=True)


def scored(recorded: Recorded) -> Played:
    """What the task says of the trace of a recording."""
    instance, recording = recorded
    only_added_to(recorded)
    if instance.family == "tools" and instance.settings["track"] != "plan":
        raise Absent("calls of tools have no place here")
    task = MakespanTask(data(instances.encode(instance).decode(), recording.memory))
    trace = vf.Trace(
        task=TraceTask(type="MakespanTask", data=task.data),
        agent=AgentInfo(config=vf.AgentConfig()),
    )
    trace.nodes.append(MessageNode(message=UserMessage(content=task.data.prompt)))
    for number, reply in enumerate(recording.replies, 1):
        trace.nodes.append(node(reply, number - 1))
        trace.calls.append(ModelCall(node=number, finish_reason=reply.finish))
    asyncio.run(task.score(trace))
    return Played(recording.name, trace.metrics["score"], trace.reward)


if __name__ == "__main__":
    report("verifiers v1", "verifiers", in_turn(corpus(), scored))
