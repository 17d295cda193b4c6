"""Figures for Prometheus, and errors for whoever watches over them. Run it from the root of the repository:

    pip install "asgi-auth[cli,prometheus]"
    uvicorn examples.observability.app:app
    curl http://127.0.0.1:8000/metrics

Beside it lie two files for the real thing:

- prometheus-alerts.yml, rules to be named under ``rule_files`` in prometheus.yml
- grafana-dashboard.json, to be imported in Grafana (Dashboards, New, Import); it asks for the Prometheus it is to read

In production keep /metrics from the public: serve it on a port of its own, or refuse the path in the proxy.
"""

import logging
import os
import secrets

from prometheus_client import make_asgi_app
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from asgi_auth import Auth, AuthConfig, PrometheusMetrics, Protect

# For development: a secret made at each start, so that a restart signs everybody out.
SECRET = os.environ.get("ASGI_AUTH_SECRET") or secrets.token_urlsafe(32)
DATABASE = os.environ.get("ASGI_AUTH_DATABASE", "sqlite:///app.db")

errors = logging.getLogger("errors")


def tell(error, scope):
    """In place of this, an error tracker: what it is given holds no credential and no variables."""
    errors.error("%s %s failed", scope.get("method"), scope["path"], exc_info=error)


auth = Auth(AuthConfig(secret=SECRET, database=DATABASE), metrics=PrometheusMetrics(), on_error=tell)


async def home(request):
    return JSONResponse({"hello": request.auth.user.name if request.auth.is_authenticated else "stranger"})


async def me(request):
    return JSONResponse({"email": request.auth.user.email})


site = Starlette(
    lifespan=auth.lifespan,
    routes=[
        Mount("/api/auth", auth.endpoints),
        Route("/", home),
        Route("/me", me, middleware=[Middleware(Protect)]),
    ],
)
wrapped = auth.wrap(site)
figures = make_asgi_app()


async def app(scope, receive, send):
    """Figures first: reading them needs no identification, and is not counted as if it did."""
    if scope["type"] == "http" and scope["path"] == "/metrics":
        await figures(scope, receive, send)
    else:
        await wrapped(scope, receive, send)
