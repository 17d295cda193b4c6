"""The triggers with which PostgreSQL tells of changes, whoever makes them, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from asgi_auth.engine.change_feed.quoting import literal, quoted
from asgi_auth.infrastructure.change_feed.base import MOST_KEYS, Watch

Fetch = Callable[[str], Awaitable[list[Any]]]
"""Runs SQL without values and returns its rows."""

CHANNEL: Final = "asgi_auth"
"""Everything is told here; each message names its schema, because a database may hold several."""

FUNCTION: Final = "asgi_auth_tell_2"
"""A function with another body has another number: processes of both versions may run side by side."""

MOST_BYTES: Final = 7900
"""PostgreSQL takes messages of fewer than 8,000 bytes."""

_TRANSITIONS: Mapping[str, str] = MappingProxyType(
    {
        "INSERT": "REFERENCING NEW TABLE AS asgi_auth_new ",
        "UPDATE": "REFERENCING OLD TABLE AS asgi_auth_old NEW TABLE AS asgi_auth_new ",
        "DELETE": "REFERENCING OLD TABLE AS asgi_auth_old ",
        "TRUNCATE": "",
    }
)


# Of a row only the columns that name it are told; NULL in one of them names nothing, and whatever goes wrong here
# must not undo somebody's write: both tell that anything may have changed.
def _name_in(whole: str) -> str:
    return (
        f"CASE WHEN cardinality(tell.keys) = 1 THEN {whole} ->> tell.keys[1] ELSE "
        "(SELECT CASE WHEN bool_and(part IS NOT NULL) THEN string_agg(part, ':' ORDER BY place) END "
        f"FROM (SELECT {whole} ->> name AS part, place FROM unnest(tell.keys) WITH ORDINALITY AS c(name, place)) AS p) "
        "END"
    )


_OLD: Final = f"(SELECT {_name_in('to_jsonb(r)')} AS name FROM asgi_auth_old AS r LIMIT {MOST_KEYS + 1})"
_NEW: Final = f"(SELECT {_name_in('to_jsonb(r)')} AS name FROM asgi_auth_new AS r LIMIT {MOST_KEYS + 1})"

# Nothing says which row became which. A name has changed if the rows of that name, as far as they matter, are not the
# same before and after; so it does not matter either whether the columns that name rows are unique.
_BOTH: Final = (
    "SELECT to_jsonb(r) AS whole, 1 AS side FROM asgi_auth_old AS r "
    "UNION ALL SELECT to_jsonb(r), -1 FROM asgi_auth_new AS r OFFSET 0"
)
_MATTERS: Final = (
    "CASE WHEN cardinality(tell.nullable) = 0 THEN b.whole - tell.rest ELSE b.whole - tell.rest || "
    "(SELECT jsonb_object_agg(name, b.whole ->> name IS NULL) FROM unnest(tell.nullable) AS c(name)) END"
)
_CHANGED: Final = (
    "(SELECT m.name, abs(sum(m.side)) AS times FROM "
    f"(SELECT {_name_in('b.whole')} AS name, {_MATTERS} AS matters, b.side FROM ({_BOTH}) AS b) AS m "
    f"GROUP BY m.name, m.matters HAVING sum(m.side) <> 0 LIMIT {2 * MOST_KEYS + 2})"
)

_BODY: Final = f"""
<<tell>>
DECLARE
    mark integer;
    keys text[];
    told text[];
    nullable text[];
    rest text[];
    named text[];
    many bigint;
    message text;
BEGIN
    BEGIN
        mark := array_position(TG_ARGV, '');
        keys := TG_ARGV[0:coalesce(mark, TG_NARGS) - 1];
        IF TG_OP = 'INSERT' THEN
            SELECT count(*), array_agg(DISTINCT n.name) INTO many, named FROM {_NEW} AS n;
        ELSIF TG_OP = 'DELETE' THEN
            SELECT count(*), array_agg(DISTINCT n.name) INTO many, named FROM {_OLD} AS n;
        ELSIF TG_OP = 'UPDATE' AND mark IS NULL THEN
            SELECT (count(*) + 1) / 2, array_agg(DISTINCT n.name) INTO many, named
            FROM ({_OLD} UNION ALL {_NEW}) AS n;
        ELSIF TG_OP = 'UPDATE' THEN
            told := TG_ARGV[mark + 1:];
            nullable := told[array_position(told, '') + 1:];
            told := array_remove(told, '');
            SELECT ARRAY(SELECT jsonb_object_keys(to_jsonb(r)) EXCEPT SELECT unnest(tell.told || tell.keys)) INTO rest
            FROM asgi_auth_new AS r WHERE to_jsonb(r) ?& tell.told LIMIT 1;
            IF rest IS NULL AND EXISTS (SELECT FROM asgi_auth_new) THEN
                RAISE undefined_column;
            END IF;
            SELECT coalesce((sum(n.times)::bigint + 1) / 2, 0), array_agg(DISTINCT n.name) INTO many, named
            FROM {_CHANGED} AS n;
        END IF;
        IF many = 0 THEN
            RETURN NULL;
        END IF;
        IF many > {MOST_KEYS} OR cardinality(named) > {MOST_KEYS} OR array_position(named, NULL) IS NOT NULL THEN
            named := NULL;
        END IF;
    EXCEPTION WHEN OTHERS THEN
        named := NULL;
    END;
    message := jsonb_build_object('schema', TG_TABLE_SCHEMA, 'table', TG_TABLE_NAME,
        'keys', coalesce(named, ARRAY[]::text[]), 'new', TG_OP = 'INSERT')::text;
    IF octet_length(message) > {MOST_BYTES} THEN
        message := jsonb_build_object('schema', TG_TABLE_SCHEMA, 'table', TG_TABLE_NAME,
            'keys', ARRAY[]::text[], 'new', TG_OP = 'INSERT')::text;
    END IF;
    PERFORM pg_notify('{CHANNEL}', message);
    RETURN NULL;
END
"""

_FUNCTION_SQL: Final = (
    f"CREATE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql "
    f"SET search_path = pg_catalog, pg_temp AS $tell${_BODY}$tell$"
)


def trigger_name(event: str) -> str:
    """What the trigger of an event is called, on every table."""
    return f"{FUNCTION}_{event.lower()}"


@dataclass(frozen=True, slots=True)
class State:
    """The triggers of one database as they are.

    Attributes:
        schemas: where each watched table is; a table that is missing is missing here too.
        arguments: by table and trigger, the columns that it was told of, as PostgreSQL keeps them.
        disabled: those that do nothing.
        versions: of each trigger and its function, another one after every change, even of one that was taken back.
        unheard: the tables that are written to in ways that run no trigger of theirs.
        has_function: whether the function is there, made by somebody whom this role has to trust anyway.
        has_other_function: whether somebody else's is there in its place.
        may_create_function: whether this role may make it.
        may_create_on: the tables on which it may make triggers.
    """

    schemas: dict[str, str]
    arguments: dict[tuple[str, str], bytes]
    disabled: list[tuple[str, str]]
    versions: list[tuple[str, str, str]]
    unheard: list[str]
    has_function: bool
    has_other_function: bool
    may_create_function: bool
    may_create_on: frozenset[str]

    def lacks(self, watches: Iterable[Watch]) -> list[tuple[Watch, str]]:
        """The watched tables and events without a trigger, or with one that was told of other columns."""
        return [
            (watch, event)
            for watch in watches
            for event in _TRANSITIONS
            if self.arguments.get((watch.table, trigger_name(event))) != _kept(_arguments(watch, event))
        ]


def _arguments(watch: Watch, event: str) -> tuple[str, ...]:
    """What the trigger of an event is told: the columns that name rows, and which of them matter, behind "" each."""
    if event != "UPDATE" or watch.columns is None:
        return watch.key
    return (*watch.key, "", *watch.columns, "", *watch.null_columns)


def _kept(arguments: tuple[str, ...]) -> bytes:
    return b"".join(argument.encode() + b"\0" for argument in arguments)


def _tables_sql(watches: Collection[Watch]) -> str:
    names = ", ".join(literal(watch.table) for watch in watches)
    # found by the search path, as every statement of ours finds them
    return f"unnest(ARRAY[{names}]::text[]) AS w(name) JOIN pg_class AS c ON c.oid = to_regclass(quote_ident(w.name))"


# Whoever calls a function lets its owner do what they themselves may do, and the owner may replace it at any time.
_IS_OURS: Final = f"(p.prosrc = {literal(_BODY)} AND p.proconfig = ARRAY['search_path=pg_catalog, pg_temp'])"
_IS_TRUSTED: Final = "(pg_get_userbyid(p.proowner) = current_user OR pg_has_role(p.proowner, n.nspowner, 'USAGE'))"

# A statement runs the triggers of the table that it names: not those of its parents, children and partitions. And what
# comes by logical replication runs no triggers of statements.
_UNHEARD: Final = (
    "(EXISTS (SELECT FROM pg_inherits AS i WHERE c.oid IN (i.inhparent, i.inhrelid)) "
    "OR EXISTS (SELECT FROM pg_subscription_rel AS s WHERE s.srrelid = c.oid))"
)


async def read_state(fetch: Fetch, watches: Collection[Watch]) -> State:
    """Look at the triggers; takes no lock on any table."""
    tables = await fetch(
        f"SELECT w.name, n.nspname::text, has_table_privilege(c.oid, 'TRIGGER'), {_UNHEARD} "
        f"FROM {_tables_sql(watches)} JOIN pg_namespace AS n ON n.oid = c.relnamespace"
    )
    triggers = await fetch(
        "SELECT w.name, t.tgname::text, t.tgargs, t.tgenabled IN ('O', 'A'), concat_ws(' ', t.xmin, p.xmin) "
        f"FROM {_tables_sql(watches)} "
        "JOIN pg_trigger AS t ON t.tgrelid = c.oid JOIN pg_proc AS p ON p.oid = t.tgfoid "
        f"WHERE NOT t.tgisinternal AND p.proname = '{FUNCTION}' AND {_IS_OURS}"
    )
    functions = await fetch(
        f"SELECT {_IS_OURS} AND {_IS_TRUSTED} FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace "
        f"WHERE p.proname = '{FUNCTION}' AND p.pronargs = 0 AND n.nspname = current_schema()"
    )
    has_function = [is_good for (is_good,) in functions]
    [(may_create,)] = await fetch("SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)")
    return State(
        schemas={table: schema for table, schema, *_ in tables},
        arguments={(table, name): bytes(arguments) for table, name, arguments, *_ in triggers},
        disabled=[(table, name) for table, name, _, is_enabled, _ in triggers if not is_enabled],
        versions=sorted((table, name, version) for table, name, *_, version in triggers),
        unheard=[table for table, _, _, is_unheard in tables if is_unheard],
        has_function=True in has_function,
        has_other_function=False in has_function,
        may_create_function=may_create,
        may_create_on=frozenset(table for table, _, may_create_here, _ in tables if may_create_here),
    )


def missing_statements(state: State, watches: Collection[Watch]) -> list[str]:
    """The SQL that makes what is missing; nothing where this role may not make it all."""
    lacking = state.lacks(watches)
    may = state.has_function or (state.may_create_function and not state.has_other_function)
    if not lacking or not may or any(watch.table not in state.may_create_on for watch, _ in lacking):
        return []
    statements = [] if state.has_function else [_FUNCTION_SQL]
    for watch, event in lacking:
        name, table = trigger_name(event), quoted(watch.table)
        if (watch.table, name) in state.arguments:
            statements.append(f"DROP TRIGGER {name} ON {table}")
        arguments = ", ".join(map(literal, _arguments(watch, event)))
        statements.append(
            f"CREATE TRIGGER {name} AFTER {event} ON {table} {_TRANSITIONS[event]}"
            f"FOR EACH STATEMENT EXECUTE FUNCTION {FUNCTION}({arguments})"
        )
    return statements


def complaint(state: State, watches: Collection[Watch]) -> str | None:
    """Why the triggers do not tell of everything, and what would help; None where they do."""
    lacking = {watch.table: None for watch, _ in state.lacks(watches)}
    if lacking and state.has_other_function:
        return (
            f"a function {FUNCTION} is there that somebody else has made: see who may CREATE in this schema, "
            f"DROP FUNCTION {FUNCTION}() CASCADE, and run Auth.create_schema()"
        )
    if lacking:
        return (
            f"triggers on {_listed(lacking)} are missing: run Auth.create_schema() with a role that may create "
            "functions in the schema and triggers on its tables"
        )
    if state.disabled:
        table, name = state.disabled[0]
        return (
            f"triggers on {_listed({table: None for table, _ in state.disabled})} are disabled: "
            f"ALTER TABLE {quoted(table)} ENABLE TRIGGER {name}, and the like"
        )
    if state.unheard:
        return (
            f"{_listed(state.unheard)} can be written to without a word of the triggers: through partitions, tables "
            "that inherit, or logical replication"
        )
    return None


def _listed(tables: Iterable[str]) -> str:
    return ", ".join(quoted(table) for table in tables)
