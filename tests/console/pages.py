"""Pure: the pages of the console and whose they are, for tests that walk over all of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PageOf:
    """``path`` may hold ``{camera}``, ``{incident}``, ``{wall}``; ``there`` is a selector of what shows that it stands.
    ``role`` ``None``: nobody is logged in."""

    name: str
    role: str | None
    path: str
    there: str = "main h1"


PAGES = (
    PageOf("login", None, "/login", "input[autocomplete=username]"),
    PageOf("password", "viewer", "/password"),
    PageOf("now", "operator", "/now", "main a.tile"),
    PageOf("wall", "operator", "/wall?layout=9&cams={wall}"),
    PageOf("incidents", "operator", "/incidents?open={incident}", "main .evidence"),
    PageOf("incident", "technician", "/incidents/{incident}", "main .evidence"),
    PageOf("cameras", "operator", "/cameras", "main [role=row][data-key]"),
    PageOf("camera", "operator", "/cameras/{camera}"),
    PageOf("proposals", "admin", "/proposals"),
    PageOf("users", "admin", "/users"),
    PageOf("tokens", "admin", "/tokens"),
    PageOf("audit", "auditor", "/audit"),
    PageOf("setup", "admin", "/setup"),
)
