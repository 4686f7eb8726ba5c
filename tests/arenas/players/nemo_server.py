"""The resources server of NeMo Gym, asked through its own web app."""

from typing import Any
from unittest.mock import MagicMock

from fastapi.testclient import TestClient
from nemo_gym.base_resources_server import BaseResourcesServerConfig
from nemo_gym.server_utils import ServerClient

from makespan.arenas.nemo_server import MakespanServer, row
from tasks.base import Fields, Reply
from tests.arenas.played import Played, Recorded, corpus, in_turn, only_added_to, report

CONFIG = BaseResourcesServerConfig(host="127.0.0.1", port=1, entrypoint="", name="makespan")


def response(reply: Reply) -> Fields:
    """A reply as the responses API has it."""
    output: list[Fields] = []
    if reply.text or not reply.calls:
        part = {"type": "output_text", "text": reply.text, "annotations": []}
        message = {"type": "message", "id": "m", "role": "assistant", "status": "completed"}
        output.append({**message, "content": [part]})
    output += [
        {
            "type": "function_call",
            "call_id": call.id,
            "name": call.name,
            "arguments": call.arguments,
            "status": "completed",
        }
        for call in reply.calls
    ]
    reason = {"reason": "max_output_tokens"} if reply.finish == "length" else None
    return {
        "id": "r",
        "object": "response",
        "created_at": 0,
        "model": "m",
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "incomplete_details": reason,
    }


def player(client: Any) -> Any:
    """What plays a recording by a client of the app."""

    def stepped(recorded: Recorded) -> Played:
        instance, recording = recorded
        only_added_to(recorded)
        body = row(instance)
        client.cookies.clear()
        client.post("/reset", json=body).raise_for_status()
        data: Fields = {}
        for reply in recording.replies:
            answer = client.post("/step", json={**body, "response": response(reply)})
            answer.raise_for_status()
            data = answer.json()
        assert data["terminated"], recording.name
        return Played(recording.name, data["info"]["score"], data["reward"])

    return stepped


if __name__ == "__main__":
    server = MakespanServer(config=CONFIG, server_client=MagicMock(spec=ServerClient))
    with TestClient(server.setup_webserver()) as made:
        report("NeMo Gym", "nemo-gym", in_turn(corpus(), player(made)))
