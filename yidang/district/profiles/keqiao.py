"""柯溪区, after source case 001: four campaigns for fewer materials, steps and evaluations, and better reach."""

from datetime import date

from yidang.district.profile import Document, Measure, Package, Profile, listed

# signed in spring, published after the year's end; called an opinion in its title and a plan in its text
_OPINION = Document(
    "示柯审批〔2023〕30号（虚构）",
    "关于深化投资项目审批提速的实施意见（虚构）",
    signed=date(2023, 4, 6),
    published=date(2024, 1, 3),
)
_SINCE = {"started": date(2023, 4, 6), "document": _OPINION.number}

KEQIAO = Profile(
    id="keqiao",
    name="柯溪区",
    case="001",
    start=date(2022, 3, 1),
    end=date(2024, 1, 31),
    projects=90,
    since=date(2023, 4, 6),
    sizes={
        "fully_online_items": 40,
        "cross_province_items": 22,
        "village_centres": 40,
        "standard_village_centres": 38,
    },
    items=(
        *listed("FG", 1, "项目建议书审批", "初步设计审批", "招标方案核准"),
        *listed("ZG", 1, "划拨用地决定", "临时用地审批", "林地使用审核", "建设用地批准"),
        *listed("ZJ", 3, "施工图变更备案", "超限高层抗震审查", "城市绿地占用许可", "道路开口许可"),
        *listed("SW", 5, "取水许可", "排水许可", "河道管理范围内建设许可"),
        *listed("ST", 5, "排污许可证核发", "环境影响登记表备案"),
        *listed("RF", 3, "人防工程易地建设审批", "人防工程质量监督", "人防警报设施迁移"),
    ),
    measures=(
        Measure("涉水审批三合一", "审批提速", "办件类型变化", item_code="SW01", limit=(5, 0),
                units=("工作日", "工作日"), steps=(12, 2), documents=(15, 1), legal_types=("审批", "备案"), **_SINCE),
        Measure("区域规划环评：报告书降为报告表", "审批提速", "办件类型变化", item_code="ST01", limit=(69, 36),
                units=("天", "天"), legal_types=("报告书", "报告表"), **_SINCE),
        Measure("区域规划环评：报告表降为登记表", "审批提速", "办件类型变化", item_code="ST02", limit=(36, 4),
                units=("天", "天"), legal_types=("报告表", "登记表"), **_SINCE),
        Measure("实施类新建项目开工前审批", "审批提速", "目标", claim=(100, "目标"), **_SINCE),
        Measure("重大项目代办服务", "优化服务", "目标", claim=(100, "目标"), **_SINCE),
        Measure("大厅“一网通办”率", "网上办理", "目标", claim=(90, "目标"), **_SINCE),
        Measure("上线事项网上办理", "网上办理", "目标", claim=(100, "目标"), **_SINCE),
        Measure("村级便民服务中心达标", "优化服务", "目标", claim=(95, "目标"), **_SINCE),
        Measure("政务服务圈", "优化服务", "目标", claim=(15, "目标用时"), **_SINCE),
        Measure("环评报告编制费压降", "降低成本", "降低收费", claim=(50, "费用减少"), **_SINCE),
        Measure("非重大项目取消可研评估", "精简评估", "精简环节", item_code="FG03", steps=(4, 3), **_SINCE),
    ),
    documents=(_OPINION,),
    packages=(Package("开工前水务一件事", "各类项目", ("SW01", "SW02", "SW03"), 1, 2, 0),),
    package_date=date(2023, 4, 6),
    # with the four that cases need: 12 kinds
    agencies=("可研编制", "节能评估", "地质灾害评估", "招标代理", "造价咨询", "工程监理", "检验检测", "房地产评估"),
)  # fmt: skip
