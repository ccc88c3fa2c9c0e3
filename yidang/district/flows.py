"""What each flow type asks of a project, and how its projects look."""

from __future__ import annotations

from dataclasses import dataclass

from yidang.district.catalogue import ITEMS

FLOW_TYPES = {
    1: "政府投资工程建设项目（房屋建筑类）",
    2: "政府投资工程建设项目（线性工程类）",
    3: "一般社会投资项目",
    4: "小型社会投资项目",
    5: "带方案出让用地的社会投资项目",
    6: "工业类投资项目",
}
FLOW_SHARES = {1: 0.20, 2: 0.14, 3: 0.20, 4: 0.18, 5: 0.10, 6: 0.18}


@dataclass(frozen=True)
class FlowPlan:
    """Which items a flow type asks for; a number is the share of projects (or 工程) that need the item.

    build_days: calendar days from the construction permit to completion, from … to.
    works: weights of 1, 2, 3 and 4 工程 in a project. investment_wan: total investment in 万元, from … to.
    """

    investment: str
    filing: dict[str, float]
    project_items: dict[str, float]
    side_items: dict[str, float]
    design: tuple[str, ...]
    design_in_parallel: bool
    permit_group: dict[str, float]
    completion_group: dict[str, float]
    build_days: tuple[int, int]
    works: tuple[int, int, int, int]
    investment_wan: tuple[int, int]
    industries: tuple[str, ...]
    themes: tuple[str, ...]

    @property
    def milestones(self) -> frozenset[str]:
        """Items that end a stage: of the catalogue's milestones those that every project or 工程 of the flow needs."""
        shares = {**self.filing, **self.project_items}
        needed = {code for code, share in shares.items() if share == 1.0} | {*self.design, "ZJ03", "ZJ05"}
        return frozenset(code for code in needed if ITEMS[code].milestone)

    def items(self) -> list[str]:
        """Every item the flow may ask for, in the order of the flow."""
        codes = [*self.filing, *self.project_items, *self.design, *self.permit_group, "ZJ03"]
        return [*codes, *self.completion_group, "ZJ05", *self.side_items, "SW03"]


_ENVIRONMENT = {"ST01": 0.06, "ST02": 0.55}
FLOWS = {
    1: FlowPlan(
        investment="政府投资",
        filing={"FG03": 1.0},
        project_items={"ZG01": 1.0, "ZG02": 1.0},
        side_items={"FG04": 0.4, "SW01": 0.6, "SW02": 0.1, **_ENVIRONMENT},
        design=("ZG03", "ZG04"),
        design_in_parallel=False,
        permit_group={"ZJ01": 1.0, "ZJ02": 0.9, "RF01": 0.6},
        completion_group={"ZG05": 1.0, "ZJ04": 1.0, "RF02": 1.0},
        build_days=(200, 420),
        works=(4, 3, 2, 1),
        investment_wan=(3_000, 60_000),
        industries=("P83", "Q84", "K70"),
        themes=("安置房", "学校", "社区服务中心", "医院扩建"),
    ),
    2: FlowPlan(
        investment="政府投资",
        filing={"FG03": 1.0},
        project_items={"ZG01": 1.0, "ZG02": 0.6},
        side_items={"SW01": 0.7, "SW02": 0.5, **_ENVIRONMENT},
        design=("ZG03", "ZG04"),
        design_in_parallel=False,
        permit_group={"ZJ01": 1.0},
        completion_group={"ZG05": 1.0},
        build_days=(150, 360),
        works=(5, 3, 1, 1),
        investment_wan=(1_000, 40_000),
        industries=("E48", "N78"),
        themes=("道路", "管网", "河道整治", "慢行道"),
    ),
    3: FlowPlan(
        investment="企业投资",
        filing={"FG01": 0.8, "FG02": 0.2},
        project_items={"ZG02": 1.0},
        side_items={"FG04": 0.3, "SW01": 0.6, **_ENVIRONMENT},
        design=("ZG03", "ZG04"),
        design_in_parallel=False,
        permit_group={"ZJ01": 1.0, "ZJ02": 0.9, "RF01": 0.5},
        completion_group={"ZG05": 1.0, "ZJ04": 1.0, "RF02": 1.0},
        build_days=(240, 480),
        works=(3, 3, 2, 2),
        investment_wan=(5_000, 150_000),
        industries=("K70", "H61", "F52"),
        themes=("住宅小区", "商务楼", "酒店", "商业街区"),
    ),
    4: FlowPlan(
        investment="企业投资",
        filing={"FG01": 1.0},
        project_items={"ZG02": 1.0},
        side_items={"ST02": 0.2},
        design=("ZG03", "ZG04"),
        design_in_parallel=True,
        permit_group={"ZJ01": 0.6, "ZJ02": 0.8},
        completion_group={"ZG05": 1.0, "ZJ04": 1.0},
        build_days=(70, 180),
        works=(8, 2, 0, 0),
        investment_wan=(200, 3_000),
        industries=("C13", "G59", "F51"),
        themes=("仓储房", "小型车间", "门店改造"),
    ),
    5: FlowPlan(
        investment="企业投资",
        filing={"FG01": 1.0},
        project_items={"ZG02": 1.0},
        side_items={"FG04": 0.4, "SW01": 0.5, **_ENVIRONMENT},
        design=("ZG04",),
        design_in_parallel=False,
        permit_group={"ZJ01": 1.0, "ZJ02": 1.0, "RF01": 0.5},
        completion_group={"ZG05": 1.0, "ZJ04": 1.0, "RF02": 1.0},
        build_days=(180, 400),
        works=(4, 3, 2, 1),
        investment_wan=(5_000, 90_000),
        industries=("K70", "I65"),
        themes=("带方案地块开发", "创新园"),
    ),
    6: FlowPlan(
        investment="企业投资",
        filing={"FG01": 1.0},
        project_items={"ZG02": 1.0},
        side_items={"FG04": 0.6, "SW01": 0.5, "ST01": 0.1, "ST02": 0.75},
        design=("ZG03", "ZG04"),
        design_in_parallel=True,
        permit_group={"ZJ01": 1.0, "ZJ02": 1.0, "RF01": 0.2},
        completion_group={"ZG05": 1.0, "ZJ04": 1.0, "RF02": 1.0},
        build_days=(120, 300),
        works=(5, 3, 1, 1),
        investment_wan=(2_000, 80_000),
        industries=("C34", "C38", "C39", "C26"),
        themes=("智造车间", "零部件生产线", "标准厂房"),
    ),
}
