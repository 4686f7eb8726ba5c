"""The SQL of the journal: its schema, and everything that is written to it or read from it.

A run folder's journal is one SQLite file. What the rows mean stands in `journal.py`, how several
journals become one in `merge.py`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

SCHEMA = """
pragma journal_mode = wal;
pragma synchronous = normal;
create table if not exists episodes (id integer primary key, key text not null);
create table if not exists attempts (
    episode integer not null, path text not null, attempt integer not null,
    request text not null, reply text, fault text, seconds real not null,
    primary key (episode, path, attempt)
) without rowid;
create table if not exists shared (id integer primary key, fields text not null unique);
create table if not exists records (
    episode integer not null, version integer not null, verdict text not null,
    shared integer not null, record text not null, outcome text,
    primary key (episode, version)
) without rowid;
create table if not exists effects (
    episode integer not null, path text not null, request text not null, outcome text not null,
    seconds real not null, primary key (episode, path)
) without rowid;
create table if not exists pace (
    at real not null, model text not null, allowed integer not null, flying integer not null,
    calls integer not null, answers integer not null, complaints integer not null
);
"""

ADD_ATTEMPT = "insert into attempts values (?, ?, ?, ?, ?, ?, ?)"
ADD_RECORD = "insert into records values (?, ?, ?, ?, ?, ?)"
ADD_EFFECT = "insert into effects values (?, ?, ?, ?, ?)"
ADD_PACE = "insert into pace values (?, ?, ?, ?, ?, ?, ?)"
ADD_EPISODE = "insert into episodes values (?, ?)"
ADD_SHARED = "insert into shared values (?, ?)"

FOLD_LOG = "pragma wal_checkpoint(truncate)"  # the write-ahead log into the file

EPISODE_IDS = "select key, id from episodes"
SHARED_IDS = "select fields, id from shared"
SHARED_FIELDS = "select id, fields from shared"
ATTEMPTS_OF = "select path, request, reply from attempts where episode = ? order by path, attempt"
EFFECTS_OF = "select path, request, outcome from effects where episode = ?"
REPLIES = """
    select key, reply from attempts join episodes on id = episode where reply is not null
"""
_THROWN_AWAY = "fault like 'malformed body:%' and instr(fault, char(10) || '{')"
_SECOND_LINE = "substr(fault, instr(fault, char(10)) + 1)"
THROWN_AWAY = f"""
    select key, {_SECOND_LINE} from attempts join episodes on id = episode where {_THROWN_AWAY}
"""
THROWN_AWAY_OF = f"select {_SECOND_LINE} from attempts where episode = ? and {_THROWN_AWAY}"
PRICES_WITHIN = """
    select episode, key, reply from attempts join episodes on id = episode
    where reply is not null and episode between ? and ?
"""
PRICES = "select episode, reply from attempts where reply is not null order by episode"
# The replies that may be no plain answers: they ended in a way of their own, or their text is
# empty, or begins with a blank or a tag, as blank ones and thoughts do.
ODD_REPLIES = """
    select episode, reply from attempts where reply is not null
    and (instr(reply, '"finish":"') or substr(reply, 10, 1) in ('"', ' ', '\\', '<'))
"""
# Episodes of other than one reply, or in which a call was tried more than once.
UNUSUAL_CALLS = """
    select episode, count(reply), max(attempt) > 1 from attempts group by episode
    having count(reply) <> 1 or max(attempt) > 1
"""
SILENT = """
    select id from episodes where not exists (select 1 from attempts where episode = id)
"""
# Of each episode without a grade the version that its next record has.
OPEN = """
    select id, coalesce((select max(version) + 1 from records where episode = id), 0) from episodes
    where 'error' = coalesce(
        (select verdict from records where episode = id order by version desc limit 1), 'error'
    )
"""
LATEST_RECORDS = """
    select key, max(version), shared, record, episode from records join episodes on id = episode
    group by episode order by episode
"""
SCORES = """
    select key, max(version), shared, verdict, json_extract(record, '$.grade.score')
    from records join episodes on id = episode group by episode
"""
GRADES = """
    select key, max(version), shared, verdict, json_extract(record, '$.grade')
    from records join episodes on id = episode group by episode
"""
LATEST_OUTCOME = """
    select outcome from records join episodes on id = episode
    where key = ? order by version desc limit 1
"""
OUTCOME_OF = "select outcome from records where episode = ? order by version desc limit 1"

# A run under way: failures, signs of life, work and errors so far; of some episodes, by number.
FAULTS = """
    select substr(fault, 1, instr(fault || ':', ':') - 1), count(*) from attempts
    where fault is not null group by 1
"""
FAULTS_WITHIN = """
    select episode, substr(fault, 1, instr(fault || ':', ':') - 1) from attempts
    where fault is not null and episode between ? and ?
"""
LAST_EPISODE = "select max(id) from episodes"
NUMBERS_WITHIN = "select id from episodes where id between ? and ?"
PACE_OF_LATE = """
    select at, allowed, flying, answers, complaints from pace where model = ?
    and at > (select max(at) from pace where model = ?) - ? order by rowid
"""
HAS_PACE = "select 1 from sqlite_master where name = 'pace'"
LAST_SIGN = "select max(at) from pace"
PROBLEMS = """
    select episode, key, max(version), case when verdict = 'error' then
        json_array(json_extract(record, '$.problem.kind'),
            json_extract(record, '$.problem.boundary'))
    end
    from records join episodes on id = episode where episode between ? and ? group by episode
"""
MEASURED = """
    select episode, key, max(version), json_extract(record, ?)
    from records join episodes on id = episode where episode between ? and ? group by episode
"""
WORK = """
    select episode, key, count(reply), max(path), sum(seconds), count(*)
    from attempts join episodes on id = episode where episode between ? and ? group by episode
"""
SEARCH_ANSWERS = """
    select path, reply from attempts join episodes on id = episode
    where key = ? and reply is not null
"""
SEARCH_LOST = """
    select path from effects join episodes on id = episode
    where key = ? and json_extract(outcome, '$.type') = 'lost'
"""
SEARCH_TRIES = """
    select count(distinct path) from (
        select path from attempts where reply is not null and path like 'search/candidate-%'
        union select path from effects
        where path like 'search/candidate-%' and json_extract(outcome, '$.type') = 'lost'
    ) where path not like '%/%/%/%'
"""
SEARCH_REPORTED = "select count(*) from effects where path like 'report/%'"
SEARCH_SLOWEST = """
    select path, sum(seconds), count(*), count(reply) from attempts group by path
    order by 2 desc limit ?
"""

# Several journals into one: `main` is the new one, `other` is attached.
_EPISODES = "insert or ignore into episodes (key) select key from other.episodes order by id"
_SHARED = "insert or ignore into shared (fields) select fields from other.shared order by id"
_PACE = """
    insert into pace select * from (select * from other.pace except select * from pace) order by at
"""
BY_HAND = {"episodes": _EPISODES, "shared": _SHARED, "pace": _PACE}  # rows of no episode
TABLES = "select name from {}.sqlite_master where type = 'table' and name not like 'sqlite%'"
_MAPPED = {  # what a number in the other journal is in this one
    "episode": "here.id",
    "shared": """(
        select here_shared.id from main.shared here_shared
        join other.shared there_shared on there_shared.fields = here_shared.fields
        where there_shared.id = b.shared
    )""",
}
_MEASURED = {"seconds"}  # not compared
_MEASURED_INSIDE = {"reply", "record", "outcome"}  # JSON: the times in it, of a policy
_LABELS = {"path": "", "version": "record "}  # before a column of the key, in a row's name
_HERE = """
    join other.episodes there on there.id = b.episode
    join main.episodes here on here.key = there.key
"""


def _mapped(column: str) -> str:
    """SQL of what a column of the other journal is in this one."""
    return _MAPPED.get(column, f"b.{column}")


def _compared(column: str, value: str) -> str:
    """SQL of what is compared of a column: of a policy's episode all but the times in it."""
    if column not in _MEASURED_INSIDE:
        return value
    computed = f"here.key like '[\"policy/%' and json_valid({value})"
    return f"""
        case when {computed} then json_remove({value}, '$.seconds', '$.sandbox_seconds')
        else {value} end
    """


@dataclass(frozen=True)
class EpisodeTable:
    """A table of the journal whose rows belong to an episode, and the SQL that merges it.

    Attributes:
        columns: all of them, in the order of the schema.
        key: the columns of its primary key; rows that agree in these are the same row.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]

    @property
    def _pairs(self) -> str:
        """The other journal's rows and this one's of the same key."""
        keys = [f"a.{column} = {_mapped(column)}" for column in self.key]
        return f"from other.{self.name} b {_HERE} join main.{self.name} a on {' and '.join(keys)}"

    @property
    def conflict(self) -> str:
        """Selects the first row that is another here: its episode, its name with the column."""
        parts = [f"'{_LABELS.get(c, f'{c} ')}' || b.{c}" for c in self.key if c != "episode"]
        name = " || ', ' || ".join(parts)
        compared = [c for c in self.columns if c not in self.key and c not in _MEASURED]
        unequal = {
            c: f"({_compared(c, f'a.{c}')}) is not ({_compared(c, _mapped(c))})" for c in compared
        }
        cases = " ".join(f"when {test} then '{column}'" for column, test in unequal.items())
        return f"""
            select here.key, {name} || ' (its ' || case {cases} end || ')' {self._pairs}
            where {" or ".join(unequal.values())} order by a.{", a.".join(self.key)} limit 1
        """

    @property
    def common(self) -> str:
        """Selects the episodes that have rows in both journals."""
        return f"""
            select here.id from other.{self.name} b {_HERE}
            where here.id in (select episode from main.{self.name})
        """

    @property
    def insertion(self) -> str:
        """Adds the rows that are not here yet."""
        values = ", ".join(map(_mapped, self.columns))
        return f"""
            insert or ignore into main.{self.name} ({", ".join(self.columns)})
            select {values} from other.{self.name} b {_HERE}
        """


def union(selections: Iterable[str]) -> str:
    return " union ".join(selections)


# A new journal has one row for each key, in the order of a run.
UNIQUE_KEYS = "create unique index keys on episodes (key)"
DROP_KEYS = "drop index keys"
ADD_KEY = "insert into episodes (key) values (?)"
COLUMNS = "select name, pk from pragma_table_info(?)"
EXCLUSIVE = "pragma main.locking_mode = exclusive"
UNSAFE = "pragma synchronous = off"  # for a file that nobody has yet


def delete_unbegun(tables: Iterable[str]) -> str:
    """Return what deletes the episodes that no table has a row of."""
    begun = union(f"select episode from {table}" for table in tables)
    return f"delete from episodes where id not in ({begun})"


def count_common(tables: Iterable[EpisodeTable]) -> str:
    """Return what counts the episodes that have rows in both journals."""
    return f"select count(*) from ({union(table.common for table in tables)})"
