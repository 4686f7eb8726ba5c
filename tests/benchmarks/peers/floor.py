"""What the SDK itself takes: a script that asks every prompt and keeps nothing.

`python floor.py URL PROMPTS CONNECTIONS`
"""

import asyncio
import json
import sys
from pathlib import Path

import openai


async def main() -> None:
    """Ask all prompts, so many at once."""
    url, file, connections = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    prompts = [json.loads(line)["prompt"] for line in file.read_text().splitlines()]
    client = openai.AsyncOpenAI(
        base_url=url, api_key="none", max_retries=0, http_client=openai.DefaultAioHttpClient()
    )
    gate = asyncio.Semaphore(connections)

    async def one(prompt: str) -> str | None:
        async with gate:
            found = await client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": prompt}]
            )
            return found.choices[0].message.content

    answers = await asyncio.gather(*map(one, prompts))
    assert all(answers)
    await client.close()


asyncio.run(main())
