"""Pure: problems of asking: of requests, logins, rights and versions, and of the service itself."""

from __future__ import annotations

from center.api.problem_type import ProblemType

OF_REQUESTS: tuple[ProblemType, ...] = (
    ProblemType(
        "invalid",
        422,
        (
            "请求里有不对的内容。",
            "没有做任何改动，位置和原因见 errors 与 where。",
            "请改正后再提交。",
        ),
        (
            "Something in the request is wrong.",
            "Nothing was changed; errors and where say which part.",
            "Correct it and send it again.",
        ),
    ),
    ProblemType(
        "malformed",
        400,
        (
            "请求读不懂。",
            "没有做任何改动。",
            "请按接口文档 /api/v1/openapi.json 核对格式。",
        ),
        (
            "The request cannot be read.",
            "Nothing was done.",
            "Compare it with /api/v1/openapi.json.",
        ),
    ),
    ProblemType(
        "cursor",
        400,
        (
            "翻页标记不能用。",
            "它属于别的查询或别的登录，或已被改动。",
            "请从第一页重新查询。",
        ),
        (
            "This cursor cannot be used.",
            "It belongs to another query or login, or was altered.",
            "Ask for the first page again.",
        ),
    ),
    ProblemType(
        "host",
        421,
        (
            "请求的主机名不是本服务。",
            "为防冒名，没有处理。",
            "请用 service.public_url 里的地址访问。",
        ),
        (
            "The Host of this request is not this service.",
            "It was not handled, lest somebody poses as us.",
            "Use the address in service.public_url.",
        ),
    ),
    ProblemType(
        "origin",
        403,
        (
            "请求不是从本站页面发出的。",
            "为防跨站冒用登录，没有处理。",
            "请在本站页面操作；程序请改用令牌。",
        ),
        (
            "This request did not come from a page of ours.",
            "It was not handled, lest another site uses your login.",
            "Act on our pages; programs use a token.",
        ),
    ),
    ProblemType(
        "login_required",
        401,
        (
            "您还没有登录。",
            "这里的内容需要登录或令牌。",
            "请先登录，或带上令牌。",
        ),
        (
            "You are not logged in.",
            "This needs a login or a token.",
            "Log in, or send a token.",
        ),
    ),
    ProblemType(
        "session_expired",
        401,
        (
            "登录已过期。",
            "填写的内容还在，尚未提交。",
            "请在此重新登录，再按提交。",
        ),
        (
            "Your login has expired.",
            "What you wrote is kept, not sent.",
            "Log in here, then submit again.",
        ),
    ),
    ProblemType(
        "token_invalid",
        401,
        (
            "令牌不能用。",
            "它不存在、已过期，或已被收回。",
            "请向管理员要新的令牌。",
        ),
        (
            "This token opens nothing.",
            "It does not exist, has expired or was withdrawn.",
            "Ask the administrator for a new one.",
        ),
    ),
    ProblemType(
        "login_failed",
        401,
        (
            "用户名或密码不对。",
            "再错 {remaining} 次将锁定 {minutes} 分钟。",
            "忘记密码请找管理员。",
        ),
        (
            "Name or password is wrong.",
            "{remaining} more failures lock it for {minutes} minutes.",
            "If forgotten, ask the administrator.",
        ),
    ),
    ProblemType(
        "login_locked",
        429,
        (
            "登录失败次数太多，已锁定。",
            "{retry_after} 秒内不接受登录，密码对也一样。",
            "请稍后再试；急用请找管理员。",
        ),
        (
            "Too many failed logins: locked.",
            "For {retry_after} s no login is taken, not even with the right password.",
            "Try later; if urgent, ask the administrator.",
        ),
    ),
    ProblemType(
        "password_change",
        403,
        (
            "请先修改初始密码。",
            "在此之前不能做别的操作。",
            "请到「修改密码」设置自己的密码。",
        ),
        (
            "The password has to be changed first.",
            "Until then nothing else is open.",
            "Set one of your own under Change password.",
        ),
    ),
    ProblemType(
        "forbidden",
        403,
        (
            "您没有这项权限：{permission}。",
            "没有做任何改动。",
            "需要时请管理员授权。",
        ),
        (
            "You lack the permission: {permission}.",
            "Nothing was changed.",
            "If you need it, ask the administrator.",
        ),
    ),
    ProblemType(
        "not_found",
        404,
        (
            "找不到。",
            "它不存在，或不在您的区域。",
            "请核对编号，或请管理员开通区域。",
        ),
        (
            "Not found.",
            "It does not exist or is outside your areas.",
            "Check the id, or ask for the area.",
        ),
    ),
    ProblemType(
        "method",
        405,
        (
            "这个地址不接受此方法。",
            "没有做任何改动。",
            "请按 Allow 头里的方法调用。",
        ),
        (
            "This address does not take this method.",
            "Nothing was done.",
            "Use one that the Allow header names.",
        ),
    ),
    ProblemType(
        "conflict",
        409,
        (
            "与现有的记录冲突，或别人刚改过。",
            "您的修改没有保存。",
            "请重新载入，对照后再改。",
        ),
        (
            "This conflicts with what stands, or somebody changed it meanwhile.",
            "Your edit is not saved.",
            "Load it again, compare, and repeat.",
        ),
    ),
    ProblemType(
        "changed",
        412,
        (
            "别人改过这条记录。",
            "您的修改没有保存。",
            "请对照两份，选择保留哪份。",
        ),
        (
            "Somebody else changed this.",
            "Your edit is not saved.",
            "Compare both and choose.",
        ),
    ),
    ProblemType(
        "version_required",
        428,
        (
            "没有说明改的是哪一版。",
            "为免覆盖别人的修改，没有保存。",
            "请带 If-Match 头，值为读取时的 ETag。",
        ),
        (
            "The request does not say which version it edits.",
            "It was not saved, lest it overwrites somebody's edit.",
            "Send If-Match with the ETag you read.",
        ),
    ),
    ProblemType(
        "gone",
        410,
        (
            "变更流已不含这个位置。",
            "中间的变更不能逐条补上。",
            "请全部重新载入，再从当前位置继续。",
        ),
        (
            "The feed does not reach back to this position.",
            "The changes between cannot be had one by one.",
            "Load everything anew, then follow from the present position.",
        ),
    ),
    ProblemType(
        "too_large",
        413,
        (
            "内容太大。",
            "没有处理。",
            "请分成几份，每份不超过上限。",
        ),
        (
            "This is too large.",
            "It was not handled.",
            "Send less, or in parts below the limit.",
        ),
    ),
    ProblemType(
        "media_type",
        415,
        (
            "内容类型不对。",
            "没有处理。",
            "请用 Content-Type: application/json，不压缩。",
        ),
        (
            "This content type is not taken.",
            "It was not handled.",
            "Send Content-Type: application/json, not compressed.",
        ),
    ),
    ProblemType(
        "body_timeout",
        408,
        (
            "请求没有在限时内发完。",
            "没有处理。",
            "请检查网络后重试。",
        ),
        (
            "The request did not arrive in time.",
            "It was not handled.",
            "Check the network and send it again.",
        ),
    ),
    ProblemType(
        "slow",
        503,
        (
            "服务没有在限时内完成。",
            "操作可能还没生效。",
            "请看该行状态，未变再点一次，不会重复执行。",
        ),
        (
            "The service did not finish in time.",
            "The action may not have happened.",
            "Look at the row; if unchanged send it again under the same key, it will not run twice.",
        ),
    ),
    ProblemType(
        "limit",
        429,
        (
            "请求太多，超过上限。",
            "这一次没有处理。",
            "请按 Retry-After 稍后再试。",
        ),
        (
            "Too many at once.",
            "This one was not handled.",
            "Try again after Retry-After.",
        ),
    ),
    ProblemType(
        "unavailable",
        503,
        (
            "服务现在办不到。",
            "没有保存任何改动，检测照常。",
            "请稍后再试；持续出现请报系统管理员。",
        ),
        (
            "The service cannot do this now.",
            "Nothing was saved; checking goes on.",
            "Try again later; if it lasts, tell the system administrator.",
        ),
    ),
    ProblemType(
        "internal",
        500,
        (
            "服务内部出错。",
            "操作没有完成。",
            "请把请求编号 {request_id} 报给系统管理员。",
        ),
        (
            "Something failed inside the service.",
            "The action did not complete.",
            "Tell the system administrator this request id: {request_id}.",
        ),
    ),
)
