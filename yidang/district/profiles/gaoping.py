"""高溪区, after source case 002: more than eighty items in nine packages, regional assessments, joint acceptance."""

from datetime import date

from yidang.district.profile import Document, Measure, Package, Profile, listed

_RULES = (
    *("一家牵头", "一个平台", "一件事", "一链六联", "一支队伍", "一站服务", "一码", "一档"),
    *("区域评估", "容缺受理", "联合验收"),
)
_DOCUMENTS = (
    Document("示高改〔2021〕1号（虚构）", "审批制度改革总体方案（虚构）", date(2021, 3, 1), date(2021, 3, 8)),
    *(
        Document(f"示高改〔2021〕{number}号（虚构）", f"{name}实施办法（虚构）", date(2021, 3, 15), date(2021, 3, 22))
        for number, name in enumerate(_RULES, 2)
    ),
)
_SINCE = {"started": date(2021, 4, 1), "document": _DOCUMENTS[0].number}

GAOPING = Profile(
    id="gaoping",
    name="高溪区",
    case="002",
    start=date(2021, 3, 1),
    end=date(2022, 12, 31),
    projects=90,
    since=date(2021, 4, 1),
    sizes={"regional_categories": 8},
    # with the plain catalogue: 83 items, tenders, utilities and supervision among them; 12 of the stage of acceptance
    items=(
        *listed("FG", 1, *(f"立项类事项{number}（虚构）" for number in range(1, 12))),
        *listed("ZG", 1, *(f"用地类事项{number}（虚构）" for number in range(1, 13))),
        *listed("ZG", 2, *(f"规划类事项{number}（虚构）" for number in range(1, 9)), first=70),
        *listed("ZJ", 3, *(f"施工类事项{number}（虚构）" for number in range(1, 14))),
        *listed("ZJ", 5, *(f"市政公用类事项{number}（虚构）" for number in range(1, 11)), first=90),
        *listed("ZJ", 4, "特种设备验收", "防雷装置验收", "城建档案验收", "节能验收", "绿化验收", first=80),
        *listed("SW", 4, "水土保持设施验收", "排水设施验收", first=80),
        *listed("RF", 4, "人防设施验收", first=80),
    ),
    measures=(
        Measure("项目一件事套餐：报件材料", "流程再造", "精简材料", claim=(70, "材料减少（可）"), **_SINCE),
        Measure("项目一件事套餐：开工时间", "流程再造", "提早开工", claim=(2, "提早月数"), **_SINCE),
    ),
    documents=_DOCUMENTS,
    packages=(
        *(
            Package(f"政府投资项目一件事{number}", "政府投资", ("FG03", "ZG01", "ZG02", "ZG04", "ZJ03"), 12, 60, 1)
            for number in range(1, 6)
        ),
        *(
            Package(f"社会投资项目一件事{number}", "社会投资", ("FG01", "ZG02", "ZG04", "ZJ03"), 9, 45, 1)
            for number in range(1, 5)
        ),
    ),
    package_date=date(2021, 4, 1),
    # three stages of its own: the national second and third are one
    stage_names={1: "立项用地阶段", 2: "开工审批阶段", 3: "开工审批阶段", 4: "竣工投产阶段"},
)
