"""The dashboard asks public tables and views only: those that backend/README lists."""

import inspect
import json
import pkgutil
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
import pytest

import mtlens_dashboard
from mtlens.store.tables import TABLES, VIEWS
from mtlens_dashboard import queries
from mtlens_dashboard.pages import sql

PUBLIC = {entry.name for entry in (*TABLES, *VIEWS) if "." not in entry.name}
PRIVATE = {schema for schema, dot, _ in (table.name.partition(".") for table in TABLES) if dot}


def asked() -> dict[str, str]:
    """Each SQL text of the package `queries` and of the page SQL, by where it stands."""
    modules = [import_module(found.name) for found in pkgutil.iter_modules(queries.__path__, f"{queries.__name__}.")]
    texts = {
        f"{module.__name__.rpartition('.')[2]}.{name}": value
        for module in modules
        for name, value in inspect.getmembers(module, lambda value: isinstance(value, str))
        if value.lstrip().startswith(("SELECT", "WITH", "FROM"))
    }
    return {**texts, **{f"example: {name}": text for name, text in sql.EXAMPLES.items()}}


ASKED = asked()


def tables_in(node: Any) -> set[str]:
    """Tables and views in a parsed statement, with their schema where it names one; not those that WITH defines."""
    if isinstance(node, list):
        return set().union(*map(tables_in, node))
    if not isinstance(node, dict):
        return set()
    named = {".".join(filter(None, (node["schema_name"], node["table_name"])))} if node.get("type") == "BASE_TABLE" else set()
    defined = {entry["key"] for entry in node.get("cte_map", {}).get("map", [])}
    return (named | tables_in(list(node.values()))) - defined


def test_queries_are_found():
    assert len(ASKED) > 25
    assert {"summary", "bookkeeping"} == PRIVATE


@pytest.mark.parametrize("where", ASKED)
def test_a_query_names_public_tables_and_views(where):
    ((parsed,),) = duckdb.execute("SELECT json_serialize_sql($sql)", {"sql": ASKED[where]}).fetchall()
    statement = json.loads(parsed)
    assert not statement["error"], statement
    assert tables_in(statement) <= PUBLIC
    assert tables_in(statement) or "duckdb_columns()" in ASKED[where]


def test_no_other_part_of_the_dashboard_holds_sql_on_private_schemas():
    sources = {path: path.read_text() for path in Path(mtlens_dashboard.__path__[0]).rglob("*.py")}
    assert [path for path, text in sources.items() if any(f"{schema}." in text for schema in PRIVATE)] == []
