"""浦溪区, after source case 000: a report to the People's Congress a year after 拿地即开工 began."""

from datetime import date

from yidang.district.profile import Document, Measure, Profile, listed

_PLAN = Document(
    "示溪办〔2022〕31号（虚构）",
    "关于推行工业项目全生命周期服务的实施方案（虚构）",
    signed=date(2022, 8, 26),
    published=date(2022, 9, 1),
)
_SINCE = {"started": date(2022, 9, 1), "document": _PLAN.number}

PUKOU = Profile(
    id="pukou",
    name="浦溪区",
    case="000",
    start=date(2021, 6, 1),
    end=date(2023, 9, 20),
    projects=240,
    since=date(2022, 9, 1),
    sizes={
        "instant_starts": 14,
        "four_on_one_date": 6,
        "instant_deliveries": 16,
        "problems": 28,
        "visited": 28,
        "meetings": 17,
        "mode_告知承诺_ZJ03": 78,
        "same_day_tolerant": 1,
        "agents": 32,
        "new_starts": 100,
        "new_starts_established": 95,
        "new_starts_permitted": 71,
    },
    # with the plain catalogue: 36 审批事项, 6 公共服务事项, 102 steps
    items=(
        *listed("FG", 1, "企业投资项目变更备案", "外商投资项目备案"),
        *listed("ZG", 1, "土地出让合同签订", "临时用地审批", "土地复垦方案审查"),
        *listed("ZG", 2, "乡村建设规划许可证", "临时建设工程规划许可证", "建筑名称核准", first=60),
        *listed("ZJ", 3, "建设工程质量安全监督登记", "建筑起重机械使用登记", "城市道路挖掘许可", "古树名木迁移许可"),
        *listed("SW", 5, "取水许可", "污水排入排水管网许可"),
        *listed("ST", 5, "排污许可证核发"),
        *listed("RF", 3, "人防工程易地建设审批"),
        *listed("FG", 5, "供电报装", first=80),
        *listed("ZJ", 5, "燃气报装", "通信报装", first=80),
        *listed("SW", 5, "供水报装", first=80),
        *listed("ZG", 4, "不动产首次登记", first=80, steps=2),
    ),
    public_services=frozenset({"SW03", "FG80", "ZJ80", "ZJ81", "SW80", "ZG80"}),
    measures=(
        Measure("项目全生命周期流程图", "流程再造", "精简环节", items=(None, 42), steps=(None, 102), **_SINCE),
        Measure("工业项目拿地即开工", "流程再造", "缩短时限", item_code="ZJ03", claim=(30, "效率提升"), **_SINCE),
        Measure("工业项目拿地即开工覆盖面", "流程再造", "扩大范围", claim=(None, "基本全覆盖"), **_SINCE),
        Measure("工业项目竣工即交付", "流程再造", "缩短时限", item_code="ZJ05", claim=(60, "效率提升"), **_SINCE),
        Measure("施工许可告知承诺制", "承诺许可", "告知承诺", item_code="ZJ03", **_SINCE),
    ),
    documents=(_PLAN,),
)
