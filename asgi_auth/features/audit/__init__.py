"""The audit log in a table: what matters to security, to be read a page at a time, and kept as long as is wanted."""

from asgi_auth.features.audit.feature import Audit
from asgi_auth.features.audit.models import AuditPage, AuditRecord
from asgi_auth.features.audit.service import AuditService

__all__ = ["Audit", "AuditPage", "AuditRecord", "AuditService"]
