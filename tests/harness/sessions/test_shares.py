"""What of a session's tokens is the agent's own doing."""

from harness.sessions.neutral import AgentRequest
from harness.sessions.shares import Shares
from tasks.base import Message, Reply, Tool, ToolCall, Usage

TASK = "t" * 50
OPENING = (Message("system", "s" * 100), Message("user", TASK + "u" * 50))
WORK = (
    Message("assistant", "a" * 20, (ToolCall("call_1", "shell", "b" * 30),)),
    Message("tool", "r" * 50, call_id="call_1"),
)


def test_words_of_the_agent_are_its_own_and_the_task_the_models_turns_and_results_are_not() -> None:
    shares = Shares(TASK)
    shares.add(AgentRequest(OPENING + WORK), Usage(600, 7))
    assert shares.own_tokens == 300  # 150 of 300 characters
    assert (shares.side_calls, shares.side_tokens) == (0, 0)


def test_tools_on_offer_are_the_agents_own_in_every_call() -> None:
    plain, offering = Shares(TASK), Shares(TASK)
    tools = (Tool("shell", "d" * 200, {"type": "object"}),)
    for _ in range(2):
        plain.add(AgentRequest(OPENING), Usage(100, 1))
        offering.add(AgentRequest(OPENING, tools), Usage(100, 1))
    assert plain.own_tokens == 150
    assert offering.own_tokens is not None
    assert 150 < offering.own_tokens < 200


def test_another_conversation_than_the_first_is_a_sub_agents() -> None:
    shares = Shares(TASK)
    shares.add(AgentRequest(OPENING), Usage(100, 10))
    shares.add(AgentRequest((Message("system", "Look."), Message("user", "?"))), Usage(40, 2))
    shares.add(AgentRequest(OPENING + WORK), Usage(200, 10))
    assert (shares.side_calls, shares.side_tokens) == (1, 42)


def test_a_conversation_that_is_one_message_and_grows_is_one() -> None:
    shares = Shares(TASK)
    for text in ("Do it.", "Do it.\n$ ls", "Do it.\n$ ls\na.txt"):
        shares.add(AgentRequest((Message("user", text),)), Usage(10, 1))
    assert shares.side_calls == 0
    for text in ("Help.", ""):
        shares.add(AgentRequest((Message("user", text),)), Usage(10, 1))
    assert (shares.side_calls, shares.side_tokens) == (2, 22)


def test_what_nobody_tells_is_unknown() -> None:
    shares = Shares(TASK)
    shares.add(AgentRequest(OPENING), Usage(100, 10))
    shares.add(AgentRequest((Message("user", "?"),)), Reply("").usage)
    assert (shares.own_tokens, shares.side_tokens, shares.side_calls) == (None, None, 1)
