"""The tables of a run that others read: their columns and what those hold.

`LEADERBOARD` has a line for each board row, `PAIRED` one for each instance with all systems side by
side, `SAMPLES` one for each episode. A system is a model with what it was asked (the lock) and how;
its identity is their digest.
"""

from typing import Literal

from tasks.base import Noun

Kind = Literal[
    "text",
    "json",
    "whole",
    "real",
    "texts",
    "wholes",
    "reals",
    "values",
    "estimates",
    "replies",
    "messages",
]


class Column(Noun, frozen=True):
    """A column: `json` is a value as JSON text, the plural kinds are lists."""

    name: str
    kind: Kind
    about: str


LEADERBOARD = (
    Column("run", "text", "the run: its suite, and a digest of its configuration and beginning"),
    Column("suite", "text", "the suite's name"),
    Column("lock", "text", "digest of all that was asked: entries, seeds, versions, prompts"),
    Column("identity", "text", "digest of lock, model, agent, memory and setup"),
    Column("created", "text", "when the run was begun, UTC"),
    Column("version", "text", "of makespan, when the run was begun"),
    Column("command", "text", "makes the run again, with your own keys; null: see its manifest"),
    Column("family", "text", "the family of problems"),
    Column("cell", "json", "the settings that tell rows of a family apart"),
    Column("model", "text", "provider/name; policy/... are built-in"),
    Column("agent", "text", "how it was asked"),
    Column("memory", "text", "what it remembered"),
    Column("setup", "json", "sampling settings and the server's address, where they were told"),
    Column("kind", "text", "model, floor (what trivial code scores) or ceiling (the reference)"),
    Column("n", "whole", "episodes, errors included"),
    Column("of", "whole", "episodes the suite has; null: any number"),
    Column("errors", "whole", "episodes that harness or provider failed; they have no score"),
    Column("unparsable", "whole", "answers that could not be read: the model's failures"),
    Column("infeasible", "whole", "answers that break a constraint"),
    Column("problems", "json", "the most frequent reasons of errors, and how often"),
    Column(
        "score", "real", "headline of suite or family, higher is better, over n - errors episodes"
    ),
    Column("headline", "text", "the measure that is the score, where the suite names one"),
    Column("score_low", "real", "lower end of its 95 % interval; null: open or unknown"),
    Column("score_high", "real", "upper end of its 95 % interval; null: open or unknown"),
    Column("score_note", "text", "what to know of the score or its interval"),
    Column("rank_low", "whole", "best rank it may have among models asked the same; null: none"),
    Column("rank_high", "whole", "worst rank it may have; all of these hold together at 95 %"),
    Column("rank_of", "whole", "how many were ranked together"),
    Column("rank_resolves", "real", "difference of scores found among them with 80 % chance"),
    Column("metrics", "estimates", "the family's metrics: name, value, low, high, note"),
    Column("tokens", "whole", "the agent's input and output tokens; null: unknown"),
    Column("cost", "real", "US dollars; null: unknown"),
    Column("priced", "text", "date of the price table of the cost; null: as the provider told it"),
    Column("seconds", "real", "the sum over all calls"),
    Column("memory_calls", "whole", "calls of the memory's own"),
    Column("memory_tokens", "whole", "their tokens; null: unknown"),
    Column("retried", "whole", "episodes in which a call was tried more than once"),
)

PAIRED = (
    Column("suite", "text", "the suite's name"),
    Column("lock", "text", "digest of all that was asked: pair only within one"),
    Column("family", "text", "the family of problems"),
    Column("instance", "text", "the instance's id"),
    Column("level", "whole", "its level"),
    Column("settings", "json", "its settings"),
    Column("systems", "texts", "who was asked, and how; the same list all through a lock's family"),
    Column("identities", "texts", "their identities, as in `leaderboard`"),
    Column("scores", "reals", "each system's mean score over its graded epochs; null: none"),
    Column("gaps", "reals", "each system's mean gap over epochs that have one; null: none"),
    Column("graded", "wholes", "each system's number of graded epochs"),
    Column("errors", "wholes", "each system's number of epochs that ended in an error"),
)

SAMPLES = (
    Column("run", "text", "the run, as in `leaderboard`"),
    Column("lock", "text", "digest of all that was asked"),
    Column("identity", "text", "digest of lock, model, agent, memory and setup"),
    Column("family", "text", "the family of problems"),
    Column("instance", "text", "the instance's id"),
    Column("level", "whole", "its level"),
    Column("seed", "whole", "the seed it was generated from; null: it was not"),
    Column("index", "whole", "its number under that seed"),
    Column("settings", "json", "its settings"),
    Column("model", "text", "provider/name; policy/... are built-in"),
    Column("agent", "text", "how it was asked"),
    Column("memory", "text", "what it remembered"),
    Column("setup", "json", "sampling settings and the server's address, where they were told"),
    Column("epoch", "whole", "which of the times the instance was asked"),
    Column("verdict", "text", "valid, infeasible, unparsable, or error: no fault of the model"),
    Column("score", "real", "the grade; null for errors"),
    Column("objective", "real", "the answer's value; null where it has none"),
    Column("bound", "real", "the reference's bound"),
    Column("gap", "real", "(objective - reference) / reference; null: invalid, or reference 0"),
    Column("against", "text", "whether the gap is against the proven optimum or a bound"),
    Column("violations", "json", "everything wrong with the answer: kind, and that kind's fields"),
    Column("metrics", "values", "the grade's metrics: name, value"),
    Column("boundary", "text", "where an error came from: provider, world, ...; else null"),
    Column("problem", "text", "what the error was; else null"),
    Column("parsed", "json", "what was read out of the replies, and how; null for errors"),
    Column("called", "json", "the tool calls that were made, and when; null where there are none"),
    Column("prompt", "json", "the messages of the first call; later ones follow by replay"),
    Column("replies", "replies", "every reply as it came: path, text, calls, finish, model"),
    Column("calls", "whole", "the agent's calls"),
    Column("attempts", "whole", "attempts at all calls, failed ones included"),
    Column("input_tokens", "whole", "the agent's; null: unknown"),
    Column("output_tokens", "whole", "the agent's; null: unknown"),
    Column("cost", "real", "US dollars of all calls, as the provider told it; null: unknown"),
    Column("seconds", "real", "of all calls"),
    Column("memory_calls", "whole", "calls of the memory's own"),
    Column("memory_tokens", "whole", "their tokens; null: unknown"),
    Column("memory_read", "whole", "tokens the memory added to prompts"),
    Column("memory_written", "whole", "tokens it wrote down"),
)

INSTANCES = (
    Column("id", "text", "the instance's id; with hidden answers its key"),
    Column("key", "text", "digest of the instance's line: the same with answers and without"),
    Column("family", "text", "the family of problems"),
    Column("level", "whole", "its level"),
    Column("seed", "whole", "the seed it was generated from; null: it was not, or is hidden"),
    Column("index", "whole", "its number under that seed; null: hidden"),
    Column("settings", "json", "its settings"),
    Column("version", "whole", "of the generator"),
    Column("prompt", "messages", "what is asked first: role and content of each message"),
    Column("tools", "json", "the tools on offer, as chat completions have them; null: none"),
    Column("schema", "json", "the JSON schema of the answer; null: tools are called first"),
    Column("problem", "json", "the problem as data that may be known; null: the prompt alone is"),
    Column(
        "status", "text", "of the reference: optimal, bounded, infeasible or none; null: hidden"
    ),
    Column("objective", "real", "the best value known; null: none, or hidden"),
    Column("bound", "real", "a value that no answer is better than; null: none, or hidden"),
    Column("answer", "json", "an answer that attains the objective; null: none, or hidden"),
    Column("instance", "json", "the instance's line, for `makespan.read_line`; null: hidden"),
)
HIDDEN = ("seed", "index", "status", "objective", "bound", "answer", "instance")  # of INSTANCES
