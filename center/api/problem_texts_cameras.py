"""Pure: problems of what was asked for: cameras, pictures, views and proposals."""

from __future__ import annotations

from center.api.problem_type import ProblemType

OF_CAMERAS: tuple[ProblemType, ...] = (
    ProblemType(
        "camera_auth",
        502,
        (
            "摄像机拒绝了密码。",
            "为防锁定已停止尝试，看不了画面，只查通断。",
            "请在「设备」填写新密码。",
        ),
        (
            "The camera refused the password.",
            "To avoid a lock no more is tried: no picture, only reachability is checked.",
            "Enter a new one under Device.",
        ),
    ),
    ProblemType(
        "camera_busy",
        503,
        (
            "摄像机会话已满。",
            "暂时看不了实时，检测可能推迟。",
            "稍后自动重试，急用请关掉别处的预览。",
        ),
        (
            "The camera's sessions are full.",
            "No live view for now, checks may be late.",
            "Retry later, or close a preview elsewhere.",
        ),
    ),
    ProblemType(
        "camera_unreachable",
        502,
        (
            "摄像机没有应答。",
            "现在取不到它的画面和资料。",
            "请查电源、线路和地址。",
        ),
        (
            "The camera does not answer.",
            "No picture or fact can be had from it now.",
            "Check its power, line and address.",
        ),
    ),
    ProblemType(
        "camera_failed",
        502,
        (
            "摄像机的应答不能用。",
            "现在取不到可用的画面。",
            "请看该摄像机的状态和原因。",
        ),
        (
            "The camera's answer cannot be used.",
            "No usable picture can be had from it now.",
            "Look at the camera's state and its cause.",
        ),
    ),
    ProblemType(
        "address_not_allowed",
        422,
        (
            "这个地址不在允许的网段内。",
            "没有连接它。",
            "请核对地址，或请系统管理员修改 reach.networks。",
        ),
        (
            "This address lies outside the networks allowed.",
            "It was not contacted.",
            "Check it, or ask for it in reach.networks.",
        ),
    ),
    ProblemType(
        "codec",
        422,
        (
            "本浏览器解不了 {codec}。",
            "看不了实时，检测照常。",
            "请换支持它的浏览器，或在摄像机上打开 H.264 子码流。",
        ),
        (
            "This browser cannot decode {codec}.",
            "No live view, checks go on.",
            "Use one that can, or enable an H.264 sub-stream.",
        ),
    ),
    ProblemType(
        "masked",
        403,
        (
            "这路要求隐私遮挡。",
            "不能看实时，检测照常。",
            "需要时请管理员开启遮挡转码。",
        ),
        (
            "A privacy mask is required.",
            "No live view, checks go on.",
            "If needed, ask for masked transcoding.",
        ),
    ),
    ProblemType(
        "register",
        503,
        (
            "查看登记写不进去。",
            "按规定不开新画面，检测照常。",
            "请立即报系统管理员。",
        ),
        (
            "The view register cannot be written.",
            "By rule no new picture opens, checks go on.",
            "Tell the system administrator now.",
        ),
    ),
    ProblemType(
        "offline",
        409,
        (
            "摄像机现在不在线。",
            "暂时看不了实时，检测照常。",
            "请 {retry_after} 秒后再试，或查看这路的状态和原因（{reason}）。",
        ),
        (
            "The camera is not live.",
            "No live view for now, checks go on.",
            "Try again in {retry_after} s, or look at its state and cause ({reason}).",
        ),
    ),
    ProblemType(
        "view_limit",
        503,
        (
            "{who_zh}已满 {open}/{max}。",
            "这一路暂时打不开，已打开的不受影响。",
            "请 {retry_after} 秒后重试，或关掉别处的画面。",
        ),
        (
            "The {who} is full: {open} of {max}.",
            "This view does not open for now; those that are open go on.",
            "Try again in {retry_after} s, or close a view elsewhere.",
        ),
    ),
    ProblemType(
        "ticket",
        401,
        (
            "这张画面票不能用。",
            "它已用过、已过期、已收回，或属于别的摄像机。",
            "请重新打开这一路画面。",
        ),
        (
            "This ticket opens nothing.",
            "It was used before, has expired, was withdrawn, or is for another camera.",
            "Ask for a new view.",
        ),
    ),
    ProblemType(
        "offer",
        400,
        (
            "画面请求（SDP）不能用。",
            "没有打开画面。",
            "请用浏览器，或符合 WHEP 的程序。",
        ),
        (
            "The offer (SDP) cannot be used.",
            "No view was opened.",
            "Use a browser, or a program that speaks WHEP.",
        ),
    ),
    ProblemType(
        "ice_restart",
        422,
        (
            "不支持在原画面上重建通道。",
            "原画面照旧，或已结束。",
            "请重新打开这一路画面。",
        ),
        (
            "A view's path is not made anew in place.",
            "The view goes on as it was, or is over.",
            "Open the view again.",
        ),
    ),
    ProblemType(
        "adopt_partial",
        207,
        (
            "已纳管 {done} 台，{left} 台没有。",
            "没有向这 {left} 台发过密码。",
            "请到「冲突」逐台处理。",
        ),
        (
            "{done} adopted, {left} not.",
            "No password was sent to those {left}.",
            "Settle them under Conflicts.",
        ),
    ),
)
