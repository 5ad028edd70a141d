"""The application that the server of this machine serves: Prefect's, for requests by its own names.

A page of the Internet may have its name lead to 127.0.0.1 after it was loaded ("DNS rebinding").
The browser then takes this server for that page's own, so that no rule about other origins helps;
but it sends the page's name as `Host`. Neither Prefect nor uvicorn has a setting for that.
"""

from __future__ import annotations

from fastapi import FastAPI
from prefect.server.api import server
from starlette.middleware.trustedhost import TrustedHostMiddleware

HOSTS = ("127.0.0.1", "localhost")


def create_app() -> FastAPI:
    """Return Prefect's application; requests by any other name are answered with 400."""
    app = server.create_app(final=True)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(HOSTS), www_redirect=False)
    return app
