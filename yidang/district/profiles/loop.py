"""环溪区, after source case 003: four special windows and four ends, three colours, a call back to everybody."""

from datetime import date

from yidang.district.profile import Document, Measure, Profile, listed

_NOTICE = Document(
    "示环审〔2022〕5号（虚构）",
    "关于优化投资项目审批服务的通知（虚构）",
    signed=date(2022, 1, 20),
    published=date(2022, 2, 10),
)
# of three years: its title's, its text's and that of its publication
_REPORT = Document(
    "示环审〔2023〕9号（虚构）",
    "2024年项目审批服务工作情况（虚构）",
    signed=date(2022, 12, 30),
    published=date(2023, 11, 20),
)
_SINCE = {"started": date(2022, 3, 1), "document": _NOTICE.number}
_CANCELLED = date(2022, 3, 1)

LOOP = Profile(
    id="loop",
    name="环溪区",
    case="003",
    start=date(2021, 6, 1),
    end=date(2023, 11, 30),
    projects=120,
    since=date(2022, 3, 1),
    sizes={"same_day_replies": 1, "callbacks_per_month": 40, "satisfied_months": 10, "complaints": 0},
    # with the plain catalogue: 43 items
    items=(
        *listed("FG", 1, "项目建议书审批", "初步设计审批", "招标方案核准", "节能承诺备案"),
        *listed("ZG", 1, "临时用地审批", "土地出让合同签订", "建设用地批准"),
        *listed("ZG", 2, "乡村建设规划许可证", "临时建设工程规划许可证", "建筑名称核准", first=60),
        *listed("ZJ", 3, "质量安全监督登记", "起重机械使用登记", "道路挖掘许可", "绿地占用许可", "施工合同备案"),
        *listed("ZJ", 4, "城建档案验收", "竣工验收消防备案", first=80),
        *listed("SW", 3, "取水许可", "排水许可", first=60),
        *listed("ST", 3, "排污许可证核发", first=60),
        *listed("RF", 3, "人防工程易地建设审批", first=60),
        *listed("RF", 4, "人防工程质量监督", first=80),
    ),
    measures=(
        Measure("“3211”：一般社会投资项目", "审批提速", "缩短时限", limit=(45, 30), units=("工作日", "工作日"),
                days_saved=15, claim=(33.3, "时间减少"), **_SINCE),
        Measure("“3211”：简易低风险工程", "审批提速", "缩短时限", limit=(None, 20), units=(None, "工作日"), **_SINCE),
        Measure("独立事项归为四个阶段", "流程再造", "归并阶段", items=(43, 4), **_SINCE),
        Measure("施工许可申请材料页数", "精简材料", "精简材料", item_code="ZJ03", pages=(170, 17), **_SINCE),
        Measure("投资项目审批材料", "精简材料", "精简材料", claim=(60, "材料减少"), **_SINCE),
        Measure("企业审批费用", "降低成本", "降低收费", claim=(60, "费用减少"), **_SINCE),
        Measure("投资项目审批时限", "审批提速", "缩短时限", claim=(33.3, "时限减少"), **_SINCE),
        Measure("拿地即开工最短用时", "审批提速", "缩短时限", claim=(10, "最短用时"), **_SINCE),
        Measure("区域评估：开工时间", "精简评估", "提早开工", claim=(1, "提早月数"), **_SINCE),
        Measure("区域评估：评估费用", "降低成本", "降低收费", claim=(10, "每企业减少费用"), **_SINCE),
        # said twice in the case, and not the same
        Measure("考核通报", "评价考核", "考核", claim=(3, "考核间隔"), **_SINCE),
        Measure("考核通报", "评价考核", "考核", claim=(2, "考核间隔"), **_SINCE),
    ),
    documents=(_NOTICE, _REPORT),
    # seven kinds of material for filing
    cancelled={
        ("FG01", "申请表"): _CANCELLED,
        ("ZG03", "营业执照"): _CANCELLED,
        ("ZG04", "项目批准文件"): _CANCELLED,
        ("ZJ01", "用地文件"): _CANCELLED,
        ("ZJ02", "总平面图"): _CANCELLED,
        ("ZJ01", "设计说明"): _CANCELLED,
        ("ZG02", "设计说明"): _CANCELLED,
    },
)  # fmt: skip
