"""宝溪区, after source case 004: a team for parallel approval, problems in 1-2-3 days, starts at the year's end."""

from datetime import date

from yidang.district.profile import Document, Measure, Profile, listed

# says 91 items, of which 26 are mended at once and 63 are improved: two are listed nowhere
_LIST = Document(
    "示宝专〔2021〕2号（虚构）",
    "审批流程优化事项清单（虚构）",
    signed=date(2021, 11, 1),
    published=date(2021, 11, 15),
    stated_measures=91,
)
_SINCE = {"started": date(2021, 11, 1), "document": _LIST.number}

BAOAN = Profile(
    id="baoan",
    name="宝溪区",
    case="004",
    start=date(2021, 1, 4),
    end=date(2022, 12, 31),
    projects=900,
    since=date(2021, 11, 1),
    sizes={
        "problems": 1640,
        "problem_projects": 850,
        "measures": 89,
        "measures_at_once": 26,
        "measures_improved": 63,
        "year_starts": 258,
        "window_starts": 122,
        "project_plans": 12,
    },
    items=listed("ZG", 5, "危险边坡治理方案审批"),
    measures=(
        Measure("危险边坡审批时限", "流程再造", "缩短时限", item_code="ZG50", limit=(141, 90), units=("天", "天"),
                days_saved=51, **_SINCE),
        Measure("环评与排污许可一次办", "流程再造", "缩短时限", item_code="ST01", limit=(2, 11), units=("月", "工作日"),
                visits=(2, 1), **_SINCE),
        Measure("重大项目按期完成审批", "流程再造", "按期办结", claim=(100, "按期率"), **_SINCE),
    ),
    documents=(_LIST,),
)  # fmt: skip
