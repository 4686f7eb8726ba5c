"""Two steps of GRPO by TRL on a CPU, with a random model of some 30,000 parameters.

`python -m tests.arenas.grpo` prints a line of JSON: `rewards` of each step, of a valid answer and
of garbage in turn, as `makespan_reward` gives them; `gradients`, the norm of each step; and
`tools`, the rewards of the environment of methods, played by TRL's own loop of tool calls.
"""

import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import trl
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import GRPOConfig, GRPOTrainer

import makespan
from harness.families.registry import family
from makespan.arenas.trl_rewards import makespan_reward
from makespan.arenas.trl_tools import MakespanTools
from tasks.base import Ask

MARKS = ["<pad>", "<|im_end|>", "<|im_start|>", "<tool_call>", "</tool_call>", "<think>"]
ANSWERS = ('{"order": ["J01", "J02", "J03"]}', '{"order": []}')


def tokenizer() -> PreTrainedTokenizerFast:
    """A token a byte, in the chat template of a model that calls tools."""
    words = [*MARKS, "</think>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    bytes_alone = Tokenizer(models.BPE(vocab={w: k for k, w in enumerate(words)}, merges=[]))
    bytes_alone.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_alone.decoder = decoders.ByteLevel()
    tokens = PreTrainedTokenizerFast(
        tokenizer_object=bytes_alone,
        pad_token=MARKS[0],
        eos_token=MARKS[1],
        padding_side="left",
        extra_special_tokens=[MARKS[2]],
    )
    tokens.add_tokens([*MARKS[3:], "</think>"])
    template = Path(trl.__file__).parent / "chat_templates" / "qwen3.jinja"
    tokens.chat_template = template.read_text("utf-8")
    return tokens


def model(tokens: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """A random model of one layer."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokens),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=32768,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=1,
    )
    return LlamaForCausalLM(config)


def settings(folder: str, steps: int, length: int) -> GRPOConfig:
    """What both trainers are told."""
    return GRPOConfig(
        output_dir=folder,
        per_device_train_batch_size=2,
        num_generations=2,
        max_completion_length=length,
        max_steps=steps,
        logging_steps=1,
        report_to=[],
        use_cpu=True,
        bf16=False,
        save_strategy="no",
        disable_tqdm=True,
    )


def with_the_function(folder: str) -> tuple[list[list[float]], list[float]]:
    """Rewards and gradients of two steps on `tardiness`; what is sampled is scripted."""
    tokens, rewards = tokenizer(), list[list[float]]()

    def rewarded(**columns: Any) -> list[float]:
        rewards.append(makespan_reward(**columns))
        return rewards[-1]

    def rollout(prompts: Sequence[Any], *_: Any, **__: Any) -> dict[str, list[Any]]:
        completions = [tokens(ANSWERS[k % 2])["input_ids"] + [1] for k in range(len(prompts))]
        asked = [
            tokens.apply_chat_template(prompt, add_generation_prompt=True, return_dict=False)
            for prompt in prompts
        ]
        logprobs = [[-5.5] * len(ids) for ids in completions]
        return {"prompt_ids": asked, "completion_ids": completions, "logprobs": logprobs}

    trainer = GRPOTrainer(
        model=model(tokens),
        reward_funcs=rewarded,
        train_dataset=makespan.dataset(islice(makespan.stream("tardiness", 3), 4)),
        processing_class=tokens,
        rollout_func=rollout,
        args=settings(folder, 2, 64),
    )
    trainer.train()
    log = [row["grad_norm"] for row in trainer.state.log_history if "grad_norm" in row]
    return rewards, log


class Watched(MakespanTools):
    """The environment, which writes its rewards down."""

    rewards: list[float] = []

    def get_reward(self) -> float:
        """Return the reward."""
        self.rewards.append(super().get_reward())
        return self.rewards[-1]


def next_call(environment: MakespanTools) -> str:
    """What the family's ceiling says next, as a call of a method."""
    episode = environment._episode
    assert episode is not None
    if episode.done:
        return "Done."
    ask, policy = episode._stepper.effect, family("tools").policies["all-ready"]
    assert isinstance(ask, Ask)
    calls = policy.calls(ask.view)
    named: dict[str, Any] = {"name": "submit"}
    if calls:
        arguments = [call.arguments for call in calls]
        named = {"names": [call.name for call in calls], "arguments": arguments}
        named = {"name": "run_tools", "arguments": named}
    else:
        named["arguments"] = {"answer": json.dumps(policy.answer(ask.view))}
    return f"<tool_call>\n{json.dumps(named)}\n</tool_call>"


def with_the_environment(folder: str) -> list[float]:
    """Rewards of a step on `tools`, what is sampled scripted, the calls performed by TRL."""
    tokens = tokenizer()
    trainer = GRPOTrainer(
        model=model(tokens),
        train_dataset=makespan.dataset(islice(makespan.stream("tools", 2), 2)),
        processing_class=tokens,
        environment_factory=Watched,
        args=settings(folder, 1, 4000),
    )

    def generate(prompts: Sequence[Any], *_: Any, **__: Any) -> tuple[list[Any], list[Any]]:
        assert len(prompts) == len(trainer.environments), "one of two episodes is over first"
        completions = [
            tokens(next_call(environment))["input_ids"] + [1]
            for environment in trainer.environments
        ]
        return completions, [[-5.0] * len(ids) for ids in completions]

    trainer._generate_single_turn = generate
    trainer.train()
    return Watched.rewards


def main() -> None:
    """Train, and print what was seen."""
    with TemporaryDirectory() as folder:
        rewards, gradients = with_the_function(folder)
        tools = with_the_environment(folder)
    print(json.dumps({"rewards": rewards, "gradients": gradients, "tools": tools}))


if __name__ == "__main__":
    main()
