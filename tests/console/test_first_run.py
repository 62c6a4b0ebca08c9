"""From an empty database to the first picture, in a browser, as an administrator and then an operator do it."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from camera_gateway.simulator.camera import VirtualDevice
from camera_gateway.simulator.fleet import Fleet
from tests.console.conftest import Watched
from tests.support import peers
from tests.support.console_world import until_live
from tests.support.served import FAST, Served, configuration, small_fleet

pytestmark = pytest.mark.asyncio(loop_scope="session")

NEW = "lantern by the north bridge 7"
OWN = "ferry at the south landing 4"


@pytest_asyncio.fixture(loop_scope="session")
async def bare(tmp_path: Path, clips: Path, built: None) -> AsyncIterator[tuple[Fleet, Served]]:
    """A service that knows nothing, in a network where six cameras answer."""
    fleet = small_fleet(clips)
    await fleet.start()
    try:
        file = configuration(
            fleet, tmp_path / "etc", tmp_path / "data", {"discovery": {"adopt": "manual", "cidrs": []}}
        )
        text = file.read_text(encoding="utf-8")
        file.write_text(text[: text.index("[[discovery.accounts]]")].replace("adopt_networks", "#adopt_networks"))
        async with Served(file) as service:
            yield fleet, service
    finally:
        await fleet.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def beside_gst(tmp_path: Path, built: None) -> AsyncIterator[tuple[int, Served]]:
    """A service that knows nothing, and a camera that is GStreamer's: its RTSP port."""
    settings: dict[str, dict[str, Any]] = {
        "service": {"data_dir": str(tmp_path / "data"), "listen": "127.0.0.1:0", "decode_workers": 1},
        "reach": {"networks": ["127.0.0.1/32"], "ports": ["1024-65535"], "allow_loopback": True},
        "discovery": {"enabled": False},
        **FAST,
    }
    lines = []
    for section, values in settings.items():
        lines += [f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    file = tmp_path / "xueliang.toml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with peers.running(peers.gst_rtsp({}, "user", "pass"), hint=peers.HINTS["gst"]) as ready:
        async with Served(file) as service:
            yield int(ready["open"]), service


async def _page(chromium: Any, service: Served) -> Any:
    context = await chromium.new_context(viewport={"width": 1366, "height": 768})
    await context.add_init_script("localStorage.setItem('xl-language', 'zh')")
    page = await context.new_page()
    page.watched = Watched(service.url)
    page.watched.hear(page)
    return page


async def _log_in(page: Any, service: Served, name: str, password: str) -> None:
    await page.goto(f"{service.url}/login")
    await page.fill("input[autocomplete=username]", name)
    await page.fill("input[autocomplete=current-password]", password)
    await page.click("form button.primary")


async def _new_password(page: Any, old: str, new: str) -> None:
    await page.wait_for_url(re.compile("/password"))
    fields = page.locator("main input[required]")
    for field, value in ((0, old), (1, new), (2, new)):
        await fields.nth(field).fill(value)
    await page.click("form button.primary")


async def _adopt(page: Any, service: Served, camera: VirtualDevice) -> None:
    """One device out of those that answered, with its password."""
    await page.goto(f"{service.url}/proposals")
    row = page.locator("[role=row]", has_text=camera.host).first
    await row.locator("input[type=checkbox]").check()
    await page.get_by_role("button", name="纳管 1 台…").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("区域").select_option(label="岚川区")
    await dialog.get_by_label("名称").fill("北桥头")
    await dialog.get_by_label("填写账号和密码").check()
    await dialog.get_by_label("账号", exact=True).fill(camera.user)
    await dialog.get_by_label("密码", exact=True).fill(camera.password)
    await dialog.get_by_role("button", name="纳管 1 台").click()
    await page.get_by_text("已纳管 1 台。").wait_for(timeout=30_000)


async def _new_operator(page: Any) -> str:
    """Its first password, which is shown once."""
    await page.get_by_role("button", name="新建用户").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("用户名").fill("wang")
    await dialog.get_by_role("button", name="建立").click()
    given = str(await dialog.locator("code.secret").inner_text())
    await dialog.get_by_role("button", name="知道了").click()
    return given


async def test_an_administrator_goes_from_nothing_to_a_picture(
    bare: tuple[Fleet, Served], chromium: Any, tmp_path: Path
) -> None:
    fleet, service = bare
    name, first = (tmp_path / "data" / "first-admin-password").read_text().split()
    page = await _page(chromium, service)
    await _log_in(page, service, name, first)
    await _new_password(page, first, NEW)
    await page.wait_for_url(re.compile("/setup"))

    # Areas: the first open step is the one that is shown.
    await page.get_by_label("区域名称").fill("岚川区")
    await page.get_by_role("button", name="增加区域").click()
    await page.get_by_text("1 个区域，0 个单位。").wait_for()

    # Find: the devices answer without any password.
    await page.locator(".steps button.head").nth(2).click()
    networks = sorted({device.host.rpartition(".")[0] + ".0/28" for device in fleet.devices})
    await page.get_by_label("网段").fill(", ".join(networks))
    await page.get_by_role("button", name="开始查找").click()
    await page.get_by_text(re.compile(r"上次查找 .*应答 \d+ 台")).wait_for(timeout=30_000)

    camera = next(device for device in fleet.devices if not device.recorder)
    await _adopt(page, service, camera)
    await page.goto(f"{service.url}/setup?step=5")
    given = await _new_operator(page)
    await page.get_by_text("1 个账号可以看画面。").wait_for(timeout=15_000)
    await page.locator(".steps button.head").nth(5).click()
    await page.get_by_text("已判定 1/1 路。").wait_for(timeout=45_000)
    assert not any("/sample" in one or "/evidence/" in one or "/whep" in one for one in page.watched.requests)
    wrongs = list(page.watched.wrongs)
    await page.context.close()

    page = await _page(chromium, service)
    await _log_in(page, service, "wang", given)
    await _new_password(page, given, OWN)
    await page.wait_for_url(re.compile("/now"))
    await page.keyboard.press("/")
    await page.keyboard.type("北桥")
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile(r"/cameras\?q="))
    await page.locator("[role=row][data-key]", has_text="北桥头").first.click()
    await page.wait_for_url(re.compile(r"/cameras/[0-9a-f-]+"))
    await page.get_by_role("button", name="看实时").click()
    await until_live(page)
    assert [*wrongs, *page.watched.wrongs] == []
    await page.context.close()


async def test_somebody_elses_camera_from_an_inventory_is_seen_in_the_console(
    beside_gst: tuple[int, Served], chromium: Any, tmp_path: Path
) -> None:
    """Main profile, with CABAC, from gst-rtsp-server; the whole table or nothing, tried first."""
    port, service = beside_gst
    name, first = (tmp_path / "data" / "first-admin-password").read_text().split()
    page = await _page(chromium, service)
    await _log_in(page, service, name, first)
    await _new_password(page, first, NEW)
    await page.wait_for_url(re.compile("/setup"))
    await page.goto(f"{service.url}/setup?step=3")
    bad = "点位名称,区域,IP地址,端口,RTSP地址\n市场南口,东山街道,127.0.0.1,notaport,\n"
    await page.get_by_label("台账文件").set_input_files(
        [{"name": "a.csv", "mimeType": "text/csv", "buffer": bad.encode()}]
    )
    await page.get_by_role("button", name="试读").click()
    await page.get_by_text("有错误的行，什么都没有改动。").wait_for()
    url = f"rtsp://127.0.0.1:{port}/h264-main"
    good = f"点位名称,区域,IP地址,端口,RTSP地址\n市场南口,东山街道,127.0.0.1,{port},{url}\n"
    table = [{"name": "b.csv", "mimeType": "text/csv", "buffer": good.encode("gb18030")}]
    await page.get_by_label("台账文件").set_input_files(table)
    await page.get_by_role("button", name="试读").click()
    await page.get_by_role("button", name="导入 1 路摄像机").click()
    await page.get_by_text("已导入，批次").wait_for()
    await page.goto(f"{service.url}/users")
    given = await _new_operator(page)
    assert page.watched.wrongs == []
    await page.context.close()

    page = await _page(chromium, service)
    await _log_in(page, service, "wang", given)
    await _new_password(page, given, OWN)
    await page.wait_for_url(re.compile("/now"))
    await page.goto(f"{service.url}/cameras?q=市场南口")
    await page.locator("[role=row][data-key]", has_text="市场南口").first.click()
    await page.get_by_role("button", name="看实时").click()
    await until_live(page)
    frames = "document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames"
    seen = await page.evaluate(frames)
    await page.wait_for_function(f"() => {frames} > {seen + 10}", timeout=20_000)
    assert page.watched.wrongs == []
    await page.context.close()
