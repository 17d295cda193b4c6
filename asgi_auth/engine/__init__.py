"""The only room that speaks SQL: tables in, frozen records out."""

from asgi_auth.engine.engine import Engine
from asgi_auth.engine.faults import IntegrityViolation, UniqueViolation
from asgi_auth.engine.store import Store, Value

__all__ = ["Engine", "IntegrityViolation", "Store", "UniqueViolation", "Value"]
