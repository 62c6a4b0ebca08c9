"""Edge: the console's addresses: its pages, its files, and how browsers may use them."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from center.api.problems import Problem
from center.console_files import INDEX, BuiltFile, ConsoleFiles

#: Each is the same document; what it shows is in its address, and what it may show is the API's to say.
PAGES = (
    "/",
    "/now",
    "/wall",
    "/incidents",
    "/incidents/{id}",
    "/cameras",
    "/cameras/{id}",
    "/proposals",
    "/users",
    "/tokens",
    "/audit",
    "/login",
    "/password",
    "/setup",
)
#: All that the console needs and nothing more (CSP level 3). Pictures of cameras are fetched, so that each is asked for
#: by its viewer and none by an address alone: blob. Live ones come over WebRTC, which is no source of media here. The
#: check marks of Element Plus's lists stand in its style sheets: data.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "worker-src 'self'",
        "font-src 'none'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
#: What a page of ours may ask of the browser: the whole screen, and to play what its person opened.
_DENIED = "accelerometer camera display-capture geolocation gyroscope hid magnetometer microphone midi payment"
_DENIED += " picture-in-picture publickey-credentials-get serial usb xr-spatial-tracking"
PERMISSIONS = ", ".join(("autoplay=(self)", "fullscreen=(self)", *(f"{name}=()" for name in _DENIED.split())))
HEADERS = {"Content-Security-Policy": POLICY, "Permissions-Policy": PERMISSIONS}

MISSING = """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>xueliang</title>
</head>
<body>
<h1>控制台尚未构建</h1>
<p>服务正在运行，接口可用，但这里没有网页控制台的文件。
请在源码目录执行 <code>make console</code>，然后重新启动服务。</p>
<h1 lang="en">The console has not been built</h1>
<p lang="en">The service runs and its API answers, but the files of the web console are not here.
Run <code>make console</code> in the source folder, then start the service again.</p>
</body>
</html>
"""


def add_console(app: Starlette, console: ConsoleFiles | None) -> None:
    """The pages on ``app``, after all its other routes. Without ``console`` each says that it was not built."""

    async def page(request: Request) -> Response:
        if console is None:
            return Response(MISSING, 503, {"Cache-Control": "no-store"}, "text/html")
        return answer(request, console.index)

    async def file(request: Request) -> Response:
        built = console.files.get(request.scope["path"][1:]) if console is not None else None
        if built is None:
            raise Problem("not_found")
        return answer(request, built)

    for path in PAGES:
        app.router.add_route(path, page, ["GET"], include_in_schema=False)
    app.router.add_route("/assets/{name:path}", file, ["GET"], include_in_schema=False)
    for name in console.files if console is not None else ():
        if not name.startswith("assets/") and name != INDEX:
            app.router.add_route(f"/{name}", file, ["GET"], include_in_schema=False)


def answer(request: Request, built: BuiltFile) -> Response:
    """``built`` in the best coding its asker takes, or 304 where they have it."""
    coding = built.coding(request.headers.get("accept-encoding", ""))
    form = built.forms[coding]
    headers = {**HEADERS, "ETag": form.etag, "Cache-Control": built.cache}
    if len(built.forms) > 1:
        headers["Vary"] = "Accept-Encoding"
    given = request.headers.get("if-none-match", "")
    if form.etag in [item.strip().removeprefix("W/") for item in given.split(",")]:
        return Response(status_code=304, headers=headers)
    if coding:
        headers["Content-Encoding"] = coding
    return Response(form.body, headers={**headers, "Content-Type": built.media_type})
