"""Pure: all words of the service in Chinese and English, as one document from which the console is built."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from alerts.incident import CLOSING_NAMES, KIND_NAMES, STATE_NAMES
from center.api.problem_texts import TYPES
from center.audit_names import ACTS, ENTRIES, FACTS, NOUNS
from center.import_names import COLUMNS, FINDINGS, LEVELS, ROW_ACTS
from center.names import LISTS, OWN_CAUSES, Words
from center.setup_steps import SETUP_STEPS
from config.scope import ROLE_PERMISSIONS
from health.advice import advice
from health.classes import CANNOT_JUDGE_NAMES, CAUSE_NAMES, VERDICT_NAMES, Name
from health.state import State

#: The worst first: of an area, and later of a mark on a map, the first of these that stands there is shown.
ROLL_UP = (State.OFFLINE, State.FAULT, State.UNKNOWN, State.CANNOT_JUDGE, State.MAINTENANCE, State.OK)
#: What only a page can say, for nobody answers it: three sentences as in :mod:`center.api.problem_texts`.
OF_PAGES: Mapping[str, Mapping[str, tuple[str, str, str]]] = {
    "stream_lost": {
        "zh": (
            "与服务的事件流已断开（{time} 起）。",
            "页面停在那一刻。",
            "正在自动重连，超过 2 分钟请报值班长。",
        ),
        "en": (
            "No events since {time}.",
            "This page stands still.",
            "Reconnecting; after 2 minutes tell the shift lead.",
        ),
    },
    "no_answer": {
        "zh": (
            "服务 5 秒没有应答。",
            "操作可能还没生效。",
            "请看该行状态，未变再点一次，不会重复执行。",
        ),
        "en": (
            "No answer for 5 s.",
            "The action may not have happened.",
            "Look at the row; if unchanged press again, it will not run twice.",
        ),
    },
}


def document() -> dict[str, Any]:
    """``causes`` holds every word that a ``cause`` or ``reason`` of an answer can be."""
    lists = {name: _pairs(given) for name, (_, given) in LISTS.items()}
    named: dict[Any, Name] = {**VERDICT_NAMES, **CAUSE_NAMES}
    plain: dict[Any, Words] = {**CANNOT_JUDGE_NAMES, **OWN_CAUSES}
    causes = {
        **{str(value): _named(str(value), name) for value, name in named.items()},
        **{str(value): _cause(str(value), words) for value, words in plain.items()},
    }
    return {
        **lists,
        "verdicts": {str(value): _named(str(value), name) for value, name in VERDICT_NAMES.items()},
        "causes": causes,
        "incident_kinds": _pairs(KIND_NAMES),
        "incident_states": _pairs(STATE_NAMES),
        "incident_entries": _pairs(ENTRIES),
        "closing_causes": _pairs(CLOSING_NAMES),
        "audit_acts": _pairs(dict(sorted(ACTS.items()))),
        "audit_facts": _pairs(FACTS),
        "setup_steps": _pairs(SETUP_STEPS),
        "import_levels": _pairs(LEVELS),
        "import_acts": _pairs(ROW_ACTS),
        "import_findings": _pairs(FINDINGS),
        "import_columns": _pairs(COLUMNS),
        "nouns": _pairs(NOUNS),
        "role_permissions": {
            str(role): sorted(str(permission) for permission in held) for role, held in ROLE_PERMISSIONS.items()
        },
        "roll_up": [str(state) for state in ROLL_UP],
        "problems": {
            **{one.code: {"status": one.status, "zh": list(one.zh), "en": list(one.en)} for one in TYPES.values()},
            **{code: {"status": 0, "zh": list(both["zh"]), "en": list(both["en"])} for code, both in OF_PAGES.items()},
        },
    }


def text() -> str:
    return json.dumps(document(), ensure_ascii=False, indent=1) + "\n"


def _pairs(given: Mapping[Any, Words]) -> dict[str, dict[str, str]]:
    return {str(value): _pair(words) for value, words in given.items()}


def _pair(words: Words) -> dict[str, str]:
    return {"zh": words[0], "en": words[1]}


def _named(value: str, name: Name) -> dict[str, Any]:
    codes = {"code": name.inspection, "catalog": str(name.catalog), "alarm": name.alarm}
    return {**_cause(value, (name.zh, name.en)), **codes}


def _cause(value: str, words: Words) -> dict[str, str]:
    told = advice(value)
    return {**_pair(words), **({"advice_zh": told.zh, "advice_en": told.en} if told else {})}
