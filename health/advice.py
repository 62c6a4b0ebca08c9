"""Pure: what to do about each cause and class, in a technician's words, Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from health.classes import CannotJudge, Cause, VerdictClass


@dataclass(frozen=True, slots=True)
class Words:
    zh: str
    en: str

    def in_language(self, chinese: bool) -> str:
        return self.zh if chinese else self.en


CAUSE_ADVICE: Mapping[Cause, Words] = {
    Cause.UNREACHABLE: Words(
        "检查供电、网线和交换机端口；核对IP地址和网关。",
        "Check power, cable and switch port; then the address and the gateway.",
    ),
    Cause.REFUSED: Words(
        "设备在线但端口关闭：核对RTSP端口（默认554）并在设备上启用RTSP服务。",
        "The device is there but the port is closed: check the RTSP port (554 by default) and switch RTSP on.",
    ),
    Cause.TIMEOUT: Words(
        "设备无应答：检查线路质量和防火墙；若可ping通则重启设备。",
        "No answer: check the line and firewalls; if the address answers a ping, restart the device.",
    ),
    Cause.AUTH: Words(
        "用户名或密码错误：请先核实，不要反复尝试，多数设备5次后锁定。",
        "Wrong user or password: find the right one first; most devices lock the account after 5 tries.",
    ),
    Cause.LOCKED: Words(
        "已暂停认证以免设备锁定账户：核实密码后再试，或等待锁定时间结束。",
        "Held back so that the account is not locked: get the right password, or wait until the time shown.",
    ),
    Cause.BUSY: Words(
        "设备会话数已满：关闭多余的客户端，或调高设备的最大连接数。",
        "All sessions of the device are taken: close other clients or raise its connection limit.",
    ),
    Cause.NO_STREAM: Words(
        "该通道无视频流：核对路径和通道号；录像机请检查该通道的前端摄像机。",
        "No video there: check path and channel number; behind a recorder, look at the camera of this channel.",
    ),
    Cause.NO_KEYFRAME: Words(
        "有数据但无关键帧：关闭智能编码，把I帧间隔设为2秒以内。",
        "Packets but no keyframe: switch smart coding off and set the I-frame interval to 2 s or less.",
    ),
    Cause.STALLED: Words(
        "码流中断：检查带宽和线路丢包，降低码率后重试。",
        "The stream stops: check bandwidth and loss on the line, try a lower bitrate.",
    ),
    Cause.UNDECODABLE: Words(
        "画面无法解码：改用H.264/H.265标准编码，检查丢包，必要时升级固件。",
        "The picture cannot be decoded: use plain H.264 or H.265, check for loss, update the firmware.",
    ),
    Cause.TOO_LARGE: Words(
        "画面或关键帧超出上限：降低分辨率或码率。",
        "Picture or keyframe beyond the cap: lower the resolution or the bitrate.",
    ),
    Cause.PROTOCOL: Words(
        "应答不符合协议：确认该端口是RTSP服务，必要时升级固件。",
        "The answer breaks the protocol: make sure this port speaks RTSP; update the firmware.",
    ),
    Cause.NOT_ALLOWED: Words(
        "地址或端口不在许可范围：把该网段加入reach.networks。",
        "The address or port is not allowed: add its network to reach.networks.",
    ),
}

VERDICT_ADVICE: Mapping[VerdictClass, Words] = {
    VerdictClass.OK: Words("画面正常。", "The picture is fine."),
    VerdictClass.NO_SIGNAL: Words(
        "编码器无视频输入：检查镜头模组、同轴线或前端供电。",
        "The encoder has no video input: check sensor module, coaxial cable or the camera's power.",
    ),
    VerdictClass.BLACK: Words(
        "画面全黑：检查补光灯、日夜切换、镜头盖和光圈。", "Black: check lamp, day/night switch, lens cap and iris."
    ),
    VerdictClass.OVER_EXPOSED: Words(
        "画面过曝：检查光圈、宽动态和红外切换滤片。",
        "Over-exposed: check iris, wide dynamic range and the IR-cut filter.",
    ),
    VerdictClass.COVERED: Words(
        "镜头被遮挡：清除遮挡物或清洁镜头。", "Something covers the lens: remove it or clean the lens."
    ),
    VerdictClass.MOVED: Words("画面偏移：重新对准并紧固支架。", "The view has moved: aim again and tighten the mount."),
    VerdictClass.BLURRED: Words("画面模糊：重新聚焦并清洁镜头。", "Blurred: focus again and clean the lens."),
    VerdictClass.FROZEN: Words(
        "画面冻结：重启设备，检查编码器。", "Frozen: restart the device and look at its encoder."
    ),
    VerdictClass.CAST: Words("偏色：检查白平衡和红外滤片。", "Colour cast: check white balance and the IR-cut filter."),
    VerdictClass.NOISE: Words("噪声：检查增益、补光和视频线。", "Noise: check gain, light and the video cable."),
    VerdictClass.STRIPES: Words(
        "条纹干扰：检查接地、供电和视频线。", "Stripes: check earthing, power supply and the video cable."
    ),
}

CANNOT_JUDGE_ADVICE = Words(
    "暂无法判定画面质量：光线变化后再试。", "The picture cannot be judged right now: try again in other light."
)


_ADVICE: Mapping[str, Words] = {
    **{cause.value: words for cause, words in CAUSE_ADVICE.items()},
    **{verdict.value: words for verdict, words in VERDICT_ADVICE.items()},
    **{reason.value: CANNOT_JUDGE_ADVICE for reason in CannotJudge},
}


def advice(cause: str) -> Words | None:
    """For the value of any member of the closed enums of :mod:`health.classes`; ``None`` for our own causes."""
    return _ADVICE.get(cause)
