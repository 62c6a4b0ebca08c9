"""Edge: axe-core in a page: what it finds that is serious or worse."""

from __future__ import annotations

from typing import Any

from tests.support.console_world import ROOT

SCRIPT = ROOT / "console" / "node_modules" / "axe-core" / "axe.min.js"
#: WCAG 2.2 AA and what axe itself calls good practice; found in what stands on the page, nothing left out.
_RUN = """async () => (await axe.run(document, {resultTypes: ['violations'],
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})).violations
  .filter(one => one.impact === 'serious' || one.impact === 'critical')
  .map(one => `${one.id} (${one.impact}): ` + one.nodes.slice(0, 3).map(node => node.target.join(' ') + ' ' +
    (node.any[0]?.message ?? '')).join(' | '))"""


async def serious(page: Any) -> list[str]:
    """Findings of impact serious and critical, as lines. The page's own policy keeps foreign scripts out, so the script
    comes through the debugger."""
    session = await page.context.new_cdp_session(page)
    await session.send("Runtime.evaluate", {"expression": SCRIPT.read_text(encoding="utf-8")})
    found: list[str] = await page.evaluate(_RUN)
    await session.detach()
    return found
