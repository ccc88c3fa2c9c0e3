"""云溪区: a district with one of everything, where the demo and most tests are at home."""

from datetime import date

from yidang.district.profile import Document, Measure, Package, Profile

_FIRST = Document(
    "示例政办〔2024〕12号（虚构）",
    "关于深化工程建设项目审批制度改革的实施意见（虚构）",
    signed=date(2024, 5, 28),
    published=date(2024, 6, 20),
)
_SECOND = Document(
    "示例政办〔2025〕6号（虚构）",
    "关于进一步压缩审批时限的通知（虚构）",
    signed=date(2025, 2, 20),
    published=date(2025, 2, 24),
)
_SINCE = {"started": date(2024, 6, 3), "document": _FIRST.number}
_WORKDAYS, _DAYS = ("工作日", "工作日"), ("天", "天")

PLAIN = Profile(
    id="yunxi",
    name="云溪区",
    case="",
    start=date(2024, 1, 2),
    end=date(2026, 6, 30),
    projects=120,
    since=date(2024, 1, 2),
    # one of each kind that a ledger holds, with what makes it hard to compare; the planted reform's come to them
    measures=(
        Measure("施工许可申请材料精简", "材料精简", "精简材料", item_code="ZJ03", documents=(9, 8), pages=(120, 30),
                **_SINCE),
        Measure("环评分类降级管理", "流程再造", "办件类型变化", item_code="ST02", limit=(36, 4), units=_DAYS,
                legal_types=("报告表", "登记表"), days_saved=32, **_SINCE),
        Measure("环评与排污许可一次办", "服务延伸", "缩短时限", item_code="ST01", limit=(2, 11), units=("月", "工作日"),
                visits=(2, 1), **_SINCE),
        Measure("水土保持承诺备案", "审批提速", "办件类型变化", item_code="SW01", limit=(5, 0), units=_WORKDAYS,
                steps=(12, 2), documents=(15, 1), legal_types=("审批", "备案"), days_saved=5, **_SINCE),
        Measure("独立事项归为四个阶段", "流程再造", "归并阶段", items=(21, 4), **_SINCE),
        Measure("验收环节提效", "审批提速", "缩短时限", claim=(60, "效率提升"), **_SINCE),
        Measure("全流程时限压减", "审批提速", "缩短时限", limit=(45, 30), units=_WORKDAYS, days_saved=15,
                claim=(33.3, "时间减少"), **_SINCE),
    ),
    documents=(_FIRST, _SECOND),
    packages=(
        Package("工业厂房一件事", "社会投资", ("FG01", "ZG02", "ZG03", "ZG04", "ZJ01", "ZJ03"), 14, 60, 1),
        Package("政府投资房建一件事", "政府投资", ("FG03", "ZG01", "ZG02", "ZG04", "ZJ03"), 15, 90, 1),
        Package("竣工验收一件事", "各类项目", ("ZG05", "ZJ04", "RF02", "ZJ05"), 9, 40, 1),
        Package("开工前水务一件事", "各类项目", ("SW01", "SW02", "SW03"), 4, 21, 0),
    ),
    package_date=date(2024, 6, 3),
    # dropped without a new version of its item, so that the catalogue's own count is one too many
    cancelled={("ST02", "项目批准文件"): date(2025, 7, 1)},
)  # fmt: skip
