"""Each test here begins with an empty database."""

from tests.contracts.empty_postgres import postgres_database, postgres_url

__all__ = ["postgres_database", "postgres_url"]
