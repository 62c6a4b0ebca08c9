"""Edge: puts the built console into the packages that are made, and makes none without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ConsoleHook(BuildHookInterface[Any]):
    """A wheel has it as ``center/console``; a source package where it was built, so that it needs no Node."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        dist = Path(self.root) / "console" / "dist"
        if not (dist / "index.html").is_file():
            raise RuntimeError(f"the console is not built: there is no index.html in {dist}. Run `make console` first")
        build_data["force_include"][str(dist)] = "center/console" if self.target_name == "wheel" else "console/dist"
