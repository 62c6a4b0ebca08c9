"""Pure: names in Chinese and English of the acts in the audit log and of the entries in an incident's story."""

from __future__ import annotations

from collections.abc import Mapping

from center.names import Words

NOUNS: Mapping[str, Words] = {
    "area": ("区域", "area"),
    "unit": ("单位", "unit"),
    "point": ("点位", "point"),
    "device": ("设备", "device"),
    "camera": ("摄像机", "camera"),
    "window": ("报备或特护期", "window"),
    "checkpoint": ("卡口", "checkpoint"),
    "proposal": ("待纳管设备", "proposal"),
    "principal": ("用户或令牌", "user or token"),
    "incident": ("故障事件", "incident"),
    "message": ("消息", "message"),
    "import": ("导入", "import"),
    "backup": ("备份", "backup"),
    "key": ("密钥", "key"),
    "audit": ("审计", "audit"),
    "views": ("查看登记", "view register"),
    "view": ("查看登记", "view register"),
    "discovery": ("设备发现", "discovery"),
    "alerts": ("告警", "alerts"),
    "health": ("检测数据", "check data"),
}
_OF_NOUNS = ("area", "unit", "point", "device", "camera", "window", "checkpoint", "proposal", "principal")
_CHANGES: Mapping[str, Words] = {
    "add": ("新增", "added"),
    "change": ("修改", "changed"),
    "import": ("导入修改", "changed by import"),
    "observed": ("检测更新", "updated from what was seen"),
    "hold": ("暂停，身份有变", "held, identity changed"),
    "adopt": ("纳管", "adopted"),
    "refuse": ("拒绝", "refused"),
    "accept_identity": ("接受新身份", "new identity accepted"),
}
_SINGLE: Mapping[str, Words] = {
    "account.password": ("修改密码", "password changed"),
    "alerts.clean": ("清理到期故障事件", "expired incidents deleted"),
    "audit.forget": ("清理到期审计", "expired audit rows deleted"),
    "audit.read": ("查阅审计", "audit read"),
    "backup.make": ("备份", "backup made"),
    "backup.restore": ("恢复备份", "backup restored"),
    "camera.bind": ("摄像机绑定点位", "camera bound to a point"),
    "camera.export": ("导出摄像机清单", "list of cameras exported"),
    "camera.stream": ("修改码流", "stream changed"),
    "camera.unbind": ("摄像机解绑点位", "camera unbound"),
    "checkpoint.add_lane": ("卡口新增车道", "lane added"),
    "checkpoint.add_part": ("卡口新增部件", "part added"),
    "credentials.drop": ("删除设备密码", "device password dropped"),
    "credentials.set": ("填写设备密码", "device password written"),
    "discovery.search": ("按网段查找设备", "ranges searched for devices"),
    "health.clean": ("清理到期检测数据", "expired check data deleted"),
    "import.apply": ("导入台账", "inventory imported"),
    "key.rotate": ("更换密钥", "key rotated"),
    "message.resend": ("重发消息", "message sent again"),
    "principal.grant": ("授权", "granted"),
    "principal.revoke": ("收回授权", "grant taken"),
    "reference.approve": ("批准基准画面", "reference approved"),
    "reference.replace": ("重学基准画面", "reference replaced"),
    "session.end": ("登录结束", "session ended"),
    "session.open": ("登录", "logged in"),
    "session.refused": ("登录失败", "login refused"),
    "token.add": ("新建令牌", "token made"),
    "token.withdraw": ("收回令牌", "token withdrawn"),
    "view.begin": ("开始查看", "view began"),
    "view.end": ("结束查看", "view ended"),
    "view.forget": ("清理到期查看登记", "expired register rows deleted"),
    "view.shown": ("查看图片", "picture shown"),
    "views.read": ("查阅查看登记", "view register read"),
}
#: What happened to an incident, as its story tells it.
ENTRIES: Mapping[str, Words] = {
    "opened": ("发生", "opened"),
    "cause": ("原因变化", "cause changed"),
    "joined": ("并入上级事件", "joined a bigger one"),
    "left": ("离开上级事件", "left the bigger one"),
    "recovered": ("恢复", "recovered"),
    "acknowledged": ("确认", "acknowledged"),
    "withdrawn": ("撤销确认", "acknowledgement withdrawn"),
    "comment": ("备注", "comment"),
    "closed": ("填写原因", "closed"),
    "false_alarm": ("判为误报", "called a false alarm"),
    "removed": ("摄像机撤除", "camera removed"),
}

#: Every act that the log can hold. A test runs the service and finds none that is not here.
ACTS: Mapping[str, Words] = {
    **{
        f"{noun}.{act}": (f"{NOUNS[noun][0]}：{zh}", f"{NOUNS[noun][1]} {en}")
        for noun in _OF_NOUNS
        for act, (zh, en) in _CHANGES.items()
    },
    **{f"incident.{act}": (f"故障事件：{zh}", f"incident {en}") for act, (zh, en) in ENTRIES.items()},
    **_SINGLE,
}

#: The facts that a row of the log gives of its act.
FACTS: Mapping[str, Words] = {
    "account": ("账号", "account"),
    "address": ("地址", "address"),
    "agent": ("浏览器", "browser"),
    "area": ("区域", "area"),
    "before": ("早于", "before"),
    "camera_id": ("摄像机", "camera"),
    "cameras": ("摄像机数", "cameras"),
    "columns": ("列", "columns"),
    "destination": ("接收方", "receiver"),
    "ended": ("结束的登录", "logins ended"),
    "event": ("消息", "message"),
    "expires": ("有效期至", "expires"),
    "fields": ("改动的项", "fields changed"),
    "from": ("自", "from"),
    "grant": ("授权编号", "grant"),
    "import": ("导入批次", "import"),
    "incident_id": ("故障事件", "incident"),
    "key": ("密钥编号", "key"),
    "kind": ("方式", "kind"),
    "known": ("用户存在", "known user"),
    "lane": ("车道", "lane"),
    "made": ("备份于", "made"),
    "must_change": ("须改密码", "must change"),
    "networks": ("网段", "ranges"),
    "object": ("对象", "object"),
    "part": ("部件", "part"),
    "permissions": ("权限", "permissions"),
    "point": ("点位", "point"),
    "purpose": ("事由", "purpose"),
    "reason": ("原因", "reason"),
    "reference": ("依据", "reference"),
    "role": ("码流", "stream"),
    "rows": ("行数", "rows"),
    "session": ("登录编号", "login"),
    "sessions": ("登录数", "logins"),
    "sessions_ended": ("结束的登录数", "logins ended"),
    "state": ("状态", "state"),
    "target": ("备份到", "to"),
    "text": ("备注", "text"),
    "to": ("至", "to"),
    "unit": ("单位", "unit"),
    "until": ("有效期至", "until"),
    "upto": ("截至序号", "up to row"),
    "url": ("地址", "address"),
    "verified": ("记录链完整", "chain unbroken"),
    "version": ("版本", "version"),
    "view": ("查看编号", "view"),
    "what": ("操作", "act"),
    "who": ("谁", "who"),
}
