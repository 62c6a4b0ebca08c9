"""Pure: the steps of a first run, in their order, with their names."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from center.names import Words


class SetupStep(StrEnum):
    PASSWORD = "password"  # noqa: S105 - the name of a step
    AREAS = "areas"
    FIND = "find"
    ADOPT = "adopt"
    OPERATOR = "operator"
    CHECK = "check"


SETUP_STEPS: Mapping[SetupStep, Words] = {
    SetupStep.PASSWORD: ("设置新密码", "new password"),
    SetupStep.AREAS: ("区域和单位", "areas and units"),
    SetupStep.FIND: ("查找设备或导入台账", "find devices or import a file"),
    SetupStep.ADOPT: ("纳管并填写密码", "adopt and give passwords"),
    SetupStep.OPERATOR: ("第一个值班员账号", "first operator account"),
    SetupStep.CHECK: ("检测并查看", "check and see"),
}
