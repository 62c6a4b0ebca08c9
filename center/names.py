"""Pure: names in Chinese and English of the closed lists that have none of their own, for the console and its like."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from alerts.message import Hold, MessageEvent, MessageStatus
from camera_gateway.discovery.found import How
from camera_gateway.memory import AccountState
from config.scope import Permission, Role
from health import state as causes
from health.classes import CatalogStatus
from health.evidence_store import EvidenceKind
from health.looked_store import Look
from health.observation import Layer, Link, Picture
from health.reference import ReferenceState
from health.state import Aspect, State
from health.sun import SunBand
from health.uplink import OWN_UPLINK
from registry.audit_chain import FaultKind
from registry.camera import MaskBy
from registry.device import DeviceKind
from registry.lifecycle import Lifecycle
from registry.principal import PrincipalKind
from registry.proposal import ConflictKind, ProposalStatus
from registry.stream import Transport
from registry.unit import UnitKind
from registry.view import ViewKind, ViewMoment
from registry.window import WindowKind
from streaming import view_state
from streaming.view_state import ViewState

#: Chinese, English.
Words = tuple[str, str]

STATES: Mapping[State, Words] = {
    State.OK: ("正常", "ok"),
    State.FAULT: ("故障", "fault"),
    State.OFFLINE: ("离线", "offline"),
    State.CANNOT_JUDGE: ("无法判定", "cannot judge"),
    State.UNKNOWN: ("未知", "unknown"),
    State.MAINTENANCE: ("检修", "maintenance"),
}
ASPECTS: Mapping[Aspect, Words] = {
    Aspect.LINK: ("链路", "link"),
    Aspect.PICTURE: ("画面", "picture"),
    Aspect.STATE: ("状态", "state"),
}
LINKS: Mapping[Link, Words] = {
    Link.UP: ("通", "up"),
    Link.DOWN: ("断", "down"),
    Link.UNKNOWN: ("未知", "unknown"),
}
PICTURES: Mapping[Picture, Words] = {
    Picture.GOOD: ("正常", "good"),
    Picture.BAD: ("异常", "bad"),
    Picture.CANNOT_JUDGE: ("无法判定", "cannot judge"),
    Picture.UNKNOWN: ("未知", "unknown"),
}
LAYERS: Mapping[str, Words] = {
    Layer.NONE.word: ("无", "nothing"),
    Layer.DEVICE.word: ("设备应答", "device"),
    Layer.STREAM.word: ("码流应答", "stream"),
    Layer.PICTURE.word: ("画面", "picture"),
}
#: Why a camera's state is what it is, where neither the camera nor its picture is the reason.
OWN_CAUSES: Mapping[str, Words] = {
    causes.NEVER_CHECKED: ("尚未检测", "never checked"),
    causes.NOT_WATCHED: ("超过检测有效期", "not checked in time"),
    causes.LINK_LOST: ("链路中断，看不到画面", "no picture can be known while the link is down"),
    causes.MAINTENANCE: ("检修报备", "maintenance filed beforehand"),
    OWN_UPLINK: ("本服务网络中断", "the service's own network is down"),
}
SUN: Mapping[SunBand, Words] = {
    SunBand.UNKNOWN: ("未设位置", "no position set"),
    SunBand.DAY: ("白天", "day"),
    SunBand.TWILIGHT: ("晨昏", "twilight"),
    SunBand.NIGHT: ("夜间", "night"),
}
REFERENCE_STATES: Mapping[str, Words] = {
    ReferenceState.CANDIDATE.name.lower(): ("采集中", "gathering samples"),
    ReferenceState.PROPOSED.name.lower(): ("待批准", "waits for approval"),
    ReferenceState.ACCEPTED.name.lower(): ("按规则采用", "accepted by rule"),
    ReferenceState.APPROVED.name.lower(): ("人工批准", "approved by a person"),
}
EVIDENCE: Mapping[EvidenceKind, Words] = {
    EvidenceKind.LAST_GOOD: ("最后正常", "last good"),
    EvidenceKind.FIRST_BAD: ("首次异常", "first bad"),
    EvidenceKind.DIFFERENCE: ("差异", "difference"),
}
LOOKS: Mapping[Look, Words] = {
    Look.IN_TIME: ("按时", "in time"),
    Look.LATE: ("超期", "overdue"),
    Look.NEVER: ("从未检查", "never checked"),
}
CATALOG: Mapping[CatalogStatus, Words] = {
    CatalogStatus.ON: ("在线", "on"),
    CatalogStatus.OFF: ("离线", "off"),
    CatalogStatus.VLOST: ("视频丢失", "video lost"),
    CatalogStatus.DEFECT: ("故障", "defect"),
}
LIFECYCLES: Mapping[Lifecycle, Words] = {
    Lifecycle.PROPOSED: ("待纳管", "proposed"),
    Lifecycle.ADOPTED: ("已纳管", "adopted"),
    Lifecycle.IN_USE: ("在用", "in use"),
    Lifecycle.UNDER_REPAIR: ("维修", "under repair"),
    Lifecycle.REMOVED: ("拆除", "removed"),
}
DEVICES: Mapping[DeviceKind, Words] = {
    DeviceKind.CAMERA: ("摄像机", "camera"),
    DeviceKind.RECORDER: ("录像机", "recorder"),
    DeviceKind.ENCODER: ("编码器", "encoder"),
    DeviceKind.BELL: ("警铃", "alarm bell"),
    DeviceKind.LOUDSPEAKER: ("平安大喇叭", "loudspeaker"),
    DeviceKind.CHECKPOINT_UNIT: ("卡口主机", "checkpoint unit"),
    DeviceKind.OTHER: ("其他", "other"),
}
#: What cameras can fail together on: as the registry's access paths name it.
GROUPS: Mapping[str, Words] = {
    "recorder": ("录像机", "recorder"),
    "device": ("设备", "device"),
    "switch": ("交换机", "switch"),
    "link": ("链路", "link"),
    "pole": ("立杆", "pole"),
    "cabinet": ("机箱", "cabinet"),
    "town": ("镇街机房", "town room"),
}
MASKS: Mapping[MaskBy, Words] = {
    MaskBy.NOBODY: ("无遮挡", "nobody"),
    MaskBy.CAMERA: ("摄像机遮挡", "by the camera"),
    MaskBy.SERVICE: ("服务遮挡", "by the service"),
}
UNITS: Mapping[UnitKind, Words] = {
    UnitKind.MANAGEMENT: ("管理单位", "management unit"),
    UnitKind.MAINTENANCE: ("运维单位", "maintenance unit"),
    UnitKind.CONSTRUCTION: ("建设单位", "construction unit"),
}
WINDOWS: Mapping[WindowKind, Words] = {
    WindowKind.MAINTENANCE: ("检修报备", "maintenance"),
    WindowKind.GUARD: ("特护期", "guard period"),
}
PROPOSAL_STATES: Mapping[ProposalStatus, Words] = {
    ProposalStatus.NEW: ("新发现", "new"),
    ProposalStatus.CONFLICT: ("冲突", "conflict"),
    ProposalStatus.ADOPTED: ("已纳管", "adopted"),
    ProposalStatus.REFUSED: ("已拒绝", "refused"),
}
CONFLICTS: Mapping[ConflictKind, Words] = {
    ConflictKind.SAME_SERIAL: ("序列号与现有设备相同", "same serial number as a known device"),
    ConflictKind.SAME_MAC: ("MAC 与现有设备相同", "same MAC address as a known device"),
    ConflictKind.SAME_ENDPOINT: ("设备标识与现有设备相同", "same endpoint as a known device"),
    ConflictKind.MOVED: ("现有设备换了地址", "a known device at another address"),
    ConflictKind.IDENTITY_CHANGED: ("原地址上换了设备", "another device at a known address"),
}
HOW_FOUND: Mapping[How, Words] = {
    How.MULTICAST: ("组播应答", "answered a multicast"),
    How.UNICAST: ("逐址探询", "answered a probe"),
    How.TCP: ("端口应答", "a port answered"),
    How.HELLO: ("自行上线", "announced itself"),
}
ACCOUNTS: Mapping[AccountState, Words] = {
    AccountState.UNTRIED: ("密码未试过", "password not tried"),
    AccountState.TRYING: ("密码试用中", "password being tried"),
    AccountState.PROVED: ("密码已通过", "password accepted"),
    AccountState.REFUSED: ("密码被拒", "password refused"),
}
PERMISSIONS: Mapping[Permission, Words] = {
    Permission.READ: ("查看状态", "see states"),
    Permission.LIVE: ("看实时画面", "see live pictures"),
    Permission.EVIDENCE: ("看取证图片", "see evidence"),
    Permission.CHECK: ("立即检测", "check now"),
    Permission.ACKNOWLEDGE: ("确认故障事件", "acknowledge incidents"),
    Permission.EDIT: ("编辑档案", "edit records"),
    Permission.ADOPT: ("纳管设备", "adopt devices"),
    Permission.CREDENTIALS: ("填写设备密码", "write device passwords"),
    Permission.REFERENCE: ("审批基准画面", "keep references"),
    Permission.WRITE_DEVICE: ("操作设备", "act on devices"),
    Permission.ASSESS: ("考核", "assess"),
    Permission.AUDIT: ("审计", "audit"),
    Permission.USERS: ("管理用户", "manage users"),
    Permission.SYSTEM: ("管理系统", "manage the system"),
}
ROLES: Mapping[Role, Words] = {
    Role.VIEWER: ("观看", "viewer"),
    Role.OPERATOR: ("值班员", "operator"),
    Role.TECHNICIAN: ("运维人员", "technician"),
    Role.LEAD: ("片区负责人", "lead"),
    Role.AUDITOR: ("审计员", "auditor"),
    Role.SCREEN: ("电视墙", "screen"),
    Role.PLATFORM: ("平台接口", "platform"),
    Role.ADMIN: ("管理员", "administrator"),
}
PRINCIPALS: Mapping[PrincipalKind, Words] = {
    PrincipalKind.ACCOUNT: ("用户", "user"),
    PrincipalKind.TOKEN: ("令牌", "token"),
    PrincipalKind.RULE: ("规则", "rule"),
}
VIEWS: Mapping[ViewKind, Words] = {
    ViewKind.LIVE: ("实时", "live"),
    ViewKind.TOUR: ("轮巡", "tour"),
    ViewKind.SNAPSHOT: ("抓拍", "snapshot"),
    ViewKind.SAMPLE: ("检测静态图", "still of a check"),
    ViewKind.EVIDENCE: ("取证图片", "evidence"),
}
VIEW_MOMENTS: Mapping[ViewMoment, Words] = {
    ViewMoment.BEGIN: ("开始", "begin"),
    ViewMoment.END: ("结束", "end"),
    ViewMoment.SHOWN: ("已查看", "shown"),
}
LIVE_STATES: Mapping[ViewState, Words] = {
    ViewState.CONNECTING: ("正在连接", "connecting"),
    ViewState.KEYFRAME: ("等关键帧", "waiting for a keyframe"),
    ViewState.LIVE: ("实时", "live"),
    ViewState.STALLED: ("停滞", "stalled"),
    ViewState.OFFLINE: ("离线", "offline"),
    ViewState.CODEC: ("编码不支持", "codec"),
    ViewState.ENDED: ("已结束", "ended"),
}
STREAMS: Mapping[view_state.Role, Words] = {
    view_state.Role.MAIN: ("主码流", "main stream"),
    view_state.Role.SUB: ("子码流", "sub stream"),
}
TRANSPORTS: Mapping[Transport, Words] = {
    Transport.AUTO: ("自动", "automatic"),
    Transport.TCP: ("TCP 传输", "TCP"),
    Transport.UDP: ("UDP 传输", "UDP"),
}
VIEW_ENDS: Mapping[view_state.End, Words] = {
    view_state.End.CLOSED: ("观看者关闭", "closed by the viewer"),
    view_state.End.LEFT: ("观看者离开", "the viewer left"),
    view_state.End.SILENT: ("观看者无应答", "the viewer no longer answered"),
    view_state.End.BLOCKED: ("视频通道不通", "no way through"),
    view_state.End.SLOW: ("接收过慢", "too slow"),
    view_state.End.CODEC: ("编码不支持", "codec"),
    view_state.End.LONGEST: ("到最长时限", "longest time reached"),
    view_state.End.WITHDRAWN: ("权限收回", "rights withdrawn"),
    view_state.End.GONE: ("摄像机已撤除", "camera gone"),
    view_state.End.FAULT: ("内部错误", "internal error"),
    view_state.End.STOPPING: ("服务停止", "service stopping"),
    view_state.End.RESTARTED: ("服务重启", "service restarted"),
}
MESSAGE_EVENTS: Mapping[MessageEvent, Words] = {
    MessageEvent.FIRING: ("发生", "firing"),
    MessageEvent.RESOLVED: ("恢复", "resolved"),
}
MESSAGE_STATES: Mapping[MessageStatus, Words] = {
    MessageStatus.WAITING: ("待发送", "waiting"),
    MessageStatus.HELD: ("暂缓", "held"),
    MessageStatus.DELIVERED: ("已送达", "delivered"),
    MessageStatus.DEAD: ("已放弃", "given up"),
    MessageStatus.DROPPED: ("不再需要", "dropped"),
}
HOLDS: Mapping[Hold, Words] = {
    Hold.PARENT: ("随上级事件", "told with the bigger one"),
    Hold.MAINTENANCE: ("检修中", "maintenance"),
    Hold.UNKNOWN: ("暂不明是否仍在", "unknown whether it still stands"),
    Hold.FIRING: ("等发生消息先送达", "waits for its first message"),
}
AUDIT_FAULTS: Mapping[FaultKind, Words] = {
    FaultKind.EDITED: ("记录被改", "a row was edited"),
    FaultKind.REMOVED: ("记录被删", "rows were removed"),
    FaultKind.TAIL_CUT: ("末尾被截", "the end was cut"),
    FaultKind.UNKNOWN_KEY: ("密钥不明", "unknown key"),
    FaultKind.ANCHOR: ("与锚点不符", "the anchor does not match"),
    FaultKind.BEGINNING: ("开头不符", "the beginning does not match"),
}
#: The measures of a picture, as verdicts name them beside their limits.
MEASURES: Mapping[str, Words] = {
    "bright": ("过亮占比", "share of bright pixels"),
    "crispness_ratio": ("锐利度与基准之比", "crispness against the reference"),
    "difference": ("与上一张之差", "difference from the picture before"),
    "distance": ("色偏距离", "distance of colours"),
    "elevation": ("太阳高度（度）", "height of the sun (degrees)"),
    "flat": ("无纹理占比", "share without texture"),
    "layout": ("画面结构", "structure of the picture"),
    "lost": ("丢失结构占比", "share of structure lost"),
    "mean": ("平均亮度", "mean light"),
    "noise": ("噪声", "noise"),
    "patch": ("遮挡面积占比", "share that is covered"),
    "score": ("与基准相符度", "likeness to the reference"),
    "sharpness": ("清晰度", "sharpness"),
    "sharpness_ratio": ("清晰度与基准之比", "sharpness against the reference"),
    "shift": ("偏移量", "shift"),
    "stripe_peak": ("条纹强度", "strength of stripes"),
}
#: Purposes a person chooses from; ``duty`` opens live pictures, a snapshot and an export need another. Words of one's
#: own may stand instead.
PURPOSES: Mapping[str, Words] = {
    "duty": ("值班", "duty"),
    "fault_evidence": ("故障取证", "fault evidence"),
    "repair": ("检修核对", "repair"),
    "inspection": ("视频巡查", "patrol by video"),
    "report": ("接报核实", "verifying a report"),
    "request": ("依法调取", "lawful request"),
    "assessment": ("考核申诉", "assessment or dispute"),
}
#: Every list above: name in the answer, its own type, its words. A test holds that none misses a member.
LISTS: Mapping[str, tuple[type[StrEnum] | None, Mapping[Any, Words]]] = {
    "states": (State, STATES),
    "aspects": (Aspect, ASPECTS),
    "links": (Link, LINKS),
    "pictures": (Picture, PICTURES),
    "layers": (None, LAYERS),
    "sun": (SunBand, SUN),
    "reference_states": (None, REFERENCE_STATES),
    "evidence": (EvidenceKind, EVIDENCE),
    "catalog": (CatalogStatus, CATALOG),
    "lifecycles": (Lifecycle, LIFECYCLES),
    "device_kinds": (DeviceKind, DEVICES),
    "group_kinds": (None, GROUPS),
    "masks": (MaskBy, MASKS),
    "unit_kinds": (UnitKind, UNITS),
    "windows": (WindowKind, WINDOWS),
    "proposal_states": (ProposalStatus, PROPOSAL_STATES),
    "conflicts": (ConflictKind, CONFLICTS),
    "how_found": (How, HOW_FOUND),
    "looks": (Look, LOOKS),
    "accounts": (AccountState, ACCOUNTS),
    "permissions": (Permission, PERMISSIONS),
    "roles": (Role, ROLES),
    "principals": (PrincipalKind, PRINCIPALS),
    "view_kinds": (ViewKind, VIEWS),
    "view_moments": (ViewMoment, VIEW_MOMENTS),
    "live_states": (ViewState, LIVE_STATES),
    "streams": (view_state.Role, STREAMS),
    "transports": (Transport, TRANSPORTS),
    "view_ends": (view_state.End, VIEW_ENDS),
    "message_events": (MessageEvent, MESSAGE_EVENTS),
    "message_states": (MessageStatus, MESSAGE_STATES),
    "holds": (Hold, HOLDS),
    "audit_faults": (FaultKind, AUDIT_FAULTS),
    "measures": (None, MEASURES),
    "purposes": (None, PURPOSES),
}
