"""`makespan show`: the episodes of a run, and one of them, in a terminal."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.families.registry import family
from harness.replay.transcript import episodes
from harness.report.base import drawings
from harness.report.episode_text import MOST_WHOLE, lines, visible, wrapped
from tests.harness.helpers import command, instances, makespan
from tests.loopback import Json, Loopback, chat_completion


def listed(folder: Path, *words: object) -> list[Json]:
    done = makespan("show", folder, *words, "--json")
    assert done.returncode == 0, done.stderr
    found: list[Json] = json.loads(done.stdout)["episodes"]
    return found


@pytest.mark.heavy
def test_episodes_are_listed_worst_first(policies: Path, hostile: Path) -> None:
    for folder in (policies, hostile):
        found = listed(folder)
        order = ["error", "unparsable", "infeasible", "valid"]
        ranks = [(order.index(e["verdict"]), e["score"] or 0, -(e["gap"] or 0)) for e in found]
        assert ranks == sorted(ranks)
        assert len(found) == len(list(episodes(folder)))
        by_key = {(e["id"], e["model"], e["epoch"]): e for e in found}
        for replayed in episodes(folder):
            record = replayed.record
            line = by_key[record.instance, record.model, record.epoch]
            assert line["score"] == (record.grade.score if record.grade else None)
            if record.grade and record.grade.violations:
                words = drawings(family(record.family)).words(record.grade.violations[0])
                assert line["reason"].startswith(words)
        printed = makespan("show", folder, COLUMNS="100").stdout.splitlines()
        assert [line.split()[0] for line in printed] == [e["verdict"] for e in found]
    assert {e["verdict"] for e in listed(hostile)} >= {"error", "unparsable", "infeasible"}


@pytest.mark.heavy
def test_an_episode_has_prompt_reply_reading_grade_and_reference(hostile: Path) -> None:
    for replayed in episodes(hostile):
        record = replayed.record
        words = ("show", hostile, record.instance, "--model", record.model)
        done = makespan(*words, COLUMNS="100000")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"── {record.instance}, {record.model}")
        for message in replayed.calls[0].messages if replayed.calls else ():
            assert visible(message.content).split("\n")[0].rstrip() in done.stdout
        if record.problem:
            assert record.problem.message in done.stdout
        assert bool(record.grade) == (f"grade: {listed_verdict(hostile, record)}" in done.stdout)
        for violation in (record.grade.violations if record.grade else ())[:3]:
            sentence = drawings(family(record.family)).words(violation)
            assert visible(sentence) in done.stdout
        assert "── Reference (" in done.stdout
        for each in replayed.outcome.answers if replayed.outcome else ():
            assert (f"nothing: {each.problem}" if each.problem else f"{each.how}: ") in done.stdout


def listed_verdict(folder: Path, record: Any) -> str:
    [line] = listed_of(folder, record)
    return str(line["verdict"])


def listed_of(folder: Path, record: Any) -> list[Json]:
    return [e for e in listed(folder) if (e["id"], e["model"]) == (record.instance, record.model)]


def test_an_episode_as_json_has_everything(hostile: Path) -> None:
    [first, *_] = [e for e in listed(hostile, "--model", "openai/<b>m</b>") if e["score"] == 0]
    done = makespan("show", hostile, first["id"], "--model", first["model"], "--json")
    document = json.loads(done.stdout)
    assert document["record"]["instance"] == first["id"]
    assert document["calls"][0]["messages"][0]["role"] in ("system", "user")
    assert set(document) == {"record", "calls", "outcome", "violations", "reference"}
    assert len(document["violations"]) == len(document["record"]["grade"]["violations"])


@pytest.mark.heavy
def test_of_many_calls_the_first_and_the_last_are_whole(years: list[Path]) -> None:
    folder = years[1]
    [replayed, *_] = episodes(folder)
    assert len(replayed.calls) > MOST_WHOLE
    brief, whole = (list(lines(replayed, 100, whole=all_of_it)) for all_of_it in (False, True))
    heads = [line for line in brief if line.startswith("── call ")]
    assert len(heads) == len(replayed.calls) - 2
    assert sum("reply" in line for line in whole if line.startswith("── ")) >= len(replayed.calls)
    assert len(whole) > 2 * len(brief)
    done = makespan("show", folder, replayed.instance.id, "--all", COLUMNS="100")
    assert done.stdout.splitlines() == whole


def test_a_continued_talk_is_not_told_again(tmp_path: Path) -> None:
    done = makespan("run", "tools", "--level", 3, "--limit", 1, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    for replayed in episodes(tmp_path / "run"):
        text = "\n".join(lines(replayed, 100, whole=True))
        assert text.count("A tool takes names as they stand in the request") == 1
        for call in replayed.calls:
            for made in call.reply.calls if call.reply else ():
                assert f"-> {made.name} " in text


def test_thoughts_stand_before_the_reply_and_mended_spelling_below_what_was_read(
    tmp_path: Path,
) -> None:
    def answer(_: int, body: Json) -> Json:
        whole = chat_completion('{"starts": {},}', body)
        whole["choices"][0]["message"]["reasoning_content"] = "First T01."
        return whole

    run = tmp_path / "run"
    with Loopback(answer) as server:
        words = ["--model", "openai/m", "--base-url", server.url, "--out", run]
        assert makespan("run", instances(tmp_path / "i.jsonl", 1), *words).returncode == 0
    [replayed] = episodes(run)
    printed = list(lines(replayed, 200))
    titles = [k for k, line in enumerate(printed) if line.startswith("── ")]
    names = [printed[k].strip("─ ") for k in titles]
    place = names.index("reasoning, no part of the answer")
    assert names[place + 1 : place + 3] == ["reply", "what was read"]
    assert printed[titles[place] + 1] == "First T01."
    assert printed[titles[place + 1] + 1] == '{"starts": {},}'
    assert replayed.outcome
    [parsed] = replayed.outcome.answers
    assert parsed.mended
    below = printed[titles[place + 2] + 1 : titles[place + 3]]
    assert below[1:] == [f"mended: {line}" for line in parsed.mended]
    document = json.loads(makespan("show", run, replayed.instance.id, "--json").stdout)
    assert document["calls"][0]["reply"]["reasoning"] == "First T01."


def test_one_of_several_is_chosen_by_model_and_epoch(tmp_path: Path) -> None:
    file, run = instances(tmp_path / "i.jsonl", 2), tmp_path / "run"
    with Loopback(lambda *_: '{"starts": {}}') as server:
        who = ["--model", "openai/m", "--model", "policy/edf", "--model", "policy/serial"]
        words = [*who, "--base-url", server.url, "--epochs", 2, "--out", run]
        assert makespan("run", file, *words).returncode == 0
    name = listed(run)[0]["id"]
    several = makespan("show", run, name)
    assert several.returncode == 0
    assert several.stderr == f"6 episodes of {name}: choose one by --model and --epoch\n"
    assert len(several.stdout.splitlines()) == 6
    one = makespan("show", run, name, "--epoch", 1)  # the only one of a model, not of a policy
    assert one.stdout.startswith(f"── {name}, openai/m, epoch 1 ")
    policy = makespan("show", run, name, "--model", "policy/edf", "--epoch", 0)
    assert policy.stdout.startswith(f"── {name}, policy/edf ")
    assert len(listed(run, "--epoch", 1, "--model", "policy/serial")) == 2


@pytest.mark.heavy
def test_wrong_names_are_one_line_with_near_ones(
    policies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = listed(policies)[0]["id"]
    wrong = name[:-1] + ("0" if name[-1] != "0" else "1")
    for words, said in (
        ((policies, wrong), f"has no instance {wrong!r}: near are "),
        ((policies, name, "--model", "policy/edff"), "has no model 'policy/edff': near are "),
        ((policies, name, "--epoch", 7), "has no epoch 7: there are 0 to 0"),
        (("nowhere",), "there is no run of a suite in results/runs"),
        ((tmp_path,), "is no run folder"),
        ((policies, name, "--epoch", "x"), "'x' is not a whole number"),
    ):
        done = makespan("show", *words)
        assert (done.returncode, done.stdout) == (2, ""), words
        assert said in done.stderr
        assert done.stderr.count("\n") == 1
    assert name in makespan("show", policies, wrong).stderr
    place = tmp_path / "results" / "runs"
    place.mkdir(parents=True)
    (place / "one").symlink_to(policies)
    by_id = makespan("show", name)
    assert by_id.returncode == 0
    assert "results/runs/one: the newest in results/runs\n" in by_id.stderr
    assert name in by_id.stdout
    lone = makespan("show", "no-such-thing")
    assert lone.returncode == 2
    said = "has no instance 'no-such-thing', and there is no such folder: there are "
    assert said in lone.stderr


def test_what_is_not_finished_is_said_to_be_so(tmp_path: Path) -> None:
    file, run = instances(tmp_path / "i.jsonl", 3), tmp_path / "run"
    words = ("--model", "policy/edf", "--out", run)
    assert makespan("run", file, *words, "--limit", 1).returncode == 0
    last = json.loads(file.read_text().splitlines()[-1])["id"]
    done = makespan("show", run, last)
    assert done.returncode == 2
    assert "no such episode is finished" in done.stderr


CONTROLS = "\x1b[2J\x07\x9b1m\u202e\u200b\r\x00"


def test_no_reply_commands_the_terminal(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with Loopback(lambda *_: f"{CONTROLS} none") as server:
        words = ["--model", "openai/m", "--base-url", server.url, "--out", run]
        assert makespan("run", instances(tmp_path / "i.jsonl", 1), *words).returncode == 0
    done = makespan("show", run, listed(run)[0]["id"])
    assert done.returncode == 0, done.stderr
    assert not set(CONTROLS) - {"[", "2", "J", "1", "m"} & set(done.stdout)
    assert "\\x1b[2J" in done.stdout


@given(st.text(max_size=300), st.integers(20, 120))
def test_lines_fit_and_lose_no_word(text: str, columns: int) -> None:
    clean = visible(text)
    out = list(wrapped(clean, columns))
    assert all(len(line) <= max(20, columns - 1) for line in out)
    assert "".join("".join(out).split()) == "".join(clean.split())
    assert not [c for c in clean if c != "\t" and c != "\n" and not c.isprintable() and c < " "]


def test_a_pipe_that_closes_is_no_traceback(policies: Path) -> None:
    process = subprocess.Popen(
        command("show", policies), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    assert b"Traceback" not in process.communicate(timeout=60)[1]
