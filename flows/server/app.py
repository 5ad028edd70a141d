"""The application that the server of this machine serves: Prefect's, behind two checks.

Neither Prefect nor uvicorn has a setting for them.

- Its own host names only: a page of the Internet may have its name lead to 127.0.0.1 after it was
  loaded ("DNS rebinding"). The browser then takes this server for that page's own, so that no
  rule about other origins helps; but it sends the page's name as `Host`.
- Its own UI's origin only: browsers let every page open WebSockets, whatever CORS says, and Prefect
  sends logs and events to them, and takes events.
"""

from __future__ import annotations

from collections.abc import Collection

from prefect.server.api import server
from prefect.settings import get_current_settings
from starlette.datastructures import Headers
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

_HOSTS = ("127.0.0.1", "localhost")
_POLICY_VIOLATION = 1008  # RFC 6455, 7.4.1


class TrustedOriginMiddleware:
    """Refuses what pages of other origins send; programs that are no browser send no origin."""

    def __init__(self, app: ASGIApp, allowed_origins: Collection[str]) -> None:
        self._app = app
        self._allowed = frozenset(allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        answer = self._app
        if scope["type"] in ("http", "websocket"):
            origin = Headers(scope=scope).get("origin")
            if origin is not None and origin not in self._allowed:
                answer = _refusal(scope)
        await answer(scope, receive, send)


def _refusal(scope: Scope) -> ASGIApp:
    if scope["type"] == "websocket":
        return WebSocketClose(_POLICY_VIOLATION, "Invalid origin")
    return PlainTextResponse("Invalid origin", 403)


def create_app() -> ASGIApp:
    """Return Prefect's application; requests by other names, or of other pages, are refused.

    The checks are around it, not in it: actions of automations call it inside the process, by a
    host name of their own.
    """
    origins = get_current_settings().server.api.cors_allowed_origins.split(",")
    own_pages = TrustedOriginMiddleware(server.create_app(final=True), allowed_origins=origins)
    return TrustedHostMiddleware(own_pages, allowed_hosts=list(_HOSTS), www_redirect=False)
