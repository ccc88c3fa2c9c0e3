"""What the made-up district approves: departments, items with their limits, and the planted reform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

REGION_CODE = "330199"
DISTRICT_NAME = "示例市云溪区"
STREETS = ("云栖街道", "溪口街道", "望湖街道", "青石镇", "竹源镇")


@dataclass(frozen=True)
class Department:
    id: str
    prefix: str
    name: str
    code: str
    offices: tuple[str, ...]
    pace: float  # its working times, relative to the typical department's


DEPARTMENTS = {
    department.id: department
    for department in (
        Department("fagai", "FG", "发展和改革局", "YX01", ("投资科", "能源科"), 0.95),
        Department("zigui", "ZG", "自然资源和规划局", "YX02", ("用地科", "规划科", "核实科"), 1.05),
        Department("zhujian", "ZJ", "住房和城乡建设局", "YX03", ("设计审查科", "建筑业科", "消防科"), 1.03),
        Department("shuiwu", "SW", "水务局", "YX04", ("水保科", "排水科"), 0.90),
        Department("shengtai", "ST", "生态环境局", "YX05", ("环评科", "辐射科"), 1.20),
        Department("renfang", "RF", "人民防空办公室", "YX06", ("工程科",), 1.10),
    )
}

STAGES = {1: "立项用地规划许可", 2: "工程建设许可", 3: "施工许可", 4: "竣工验收", 5: "并行推进"}
# Stage limits in working days as a flow version promises them; stage 5 has none.
STAGE_LIMITS = {1: 25, 2: 18, 3: 15, 4: 12, 5: 0}


@dataclass(frozen=True)
class Item:
    """One item of the catalogue, version 1. Limits in working days; chances are per case."""

    code: str
    name: str
    stage: int
    statutory: int
    promised: int
    prerequisites: tuple[str, ...] = ()
    national_code: str = "9990"
    steps: int = 4
    materials: int = 8
    visits: int = 1
    office: int = 0
    milestone: bool = False
    review_chance: float = 0.0
    publicity_chance: float = 0.0
    commitment: bool = False

    @property
    def department(self) -> str:
        return DEPARTMENT_OF_PREFIX[self.code[:2]]


DEPARTMENT_OF_PREFIX = {department.prefix: department.id for department in DEPARTMENTS.values()}
FILING = ("FG01", "FG02", "FG03")
ITEMS = {
    item.code: item
    for item in (
        Item("FG01", "企业投资项目备案", 1, 5, 1, steps=2, materials=2, visits=0, milestone=True),
        Item("FG02", "企业投资项目核准", 1, 20, 10, materials=7, milestone=True, review_chance=0.3),
        Item("FG03", "政府投资项目可行性研究报告审批", 1, 20, 10, materials=9, milestone=True, review_chance=0.5),
        Item("FG04", "固定资产投资项目节能审查", 5, 20, 8, materials=4, office=1, review_chance=0.6),
        Item("ZG01", "建设项目用地预审与选址意见书", 1, 20, 7, materials=9, review_chance=0.2),
        Item("ZG02", "建设用地规划许可证", 1, 20, 5, national_code="0060", materials=6, milestone=True),
        Item("ZG03", "建设工程设计方案审查", 2, 20, 10, ("ZG02",), materials=7, office=1, publicity_chance=0.5),
        Item("ZG04", "建设工程规划许可证", 2, 20, 7, ("ZG02", "ZG03"), "0070", office=1, milestone=True),
        Item("ZG05", "建设工程规划核实", 4, 20, 9, ("ZJ03",), materials=6, visits=2, office=2),
        Item("ZJ01", "施工图设计文件审查", 3, 15, 10, ("ZG03",), "0090", materials=10, visits=0),
        Item("ZJ02", "建设工程消防设计审查", 3, 15, 7, ("ZG03",), "0100", materials=5, office=2, review_chance=0.1),
        Item("ZJ03", "建筑工程施工许可证核发", 3, 7, 3, ("ZG04", "ZJ01", "ZJ02"), "0120", office=1, milestone=True,
             commitment=True),
        Item("ZJ04", "建设工程消防验收", 4, 15, 9, ("ZJ03",), "0140", visits=2, office=2),
        Item("ZJ05", "竣工验收备案", 4, 15, 1, ("ZG05", "ZJ04"), "0180", steps=2, office=1, milestone=True),
        Item("SW01", "生产建设项目水土保持方案审批", 5, 20, 5, materials=4, review_chance=0.6, commitment=True),
        Item("SW02", "洪水影响评价审批", 5, 20, 10, materials=5, review_chance=0.8),
        Item("SW03", "供排水接入", 5, 10, 3, ("ZJ03",), materials=2, visits=0, office=1),
        Item("ST01", "建设项目环境影响报告书审批", 5, 60, 20, materials=4, review_chance=0.8, publicity_chance=1.0),
        Item("ST02", "建设项目环境影响报告表审批", 5, 30, 10, materials=3, review_chance=0.1, publicity_chance=1.0),
        Item("RF01", "人防工程设计审查", 3, 20, 5, ("ZG03",), materials=5),
        Item("RF02", "人防工程竣工验收备案", 4, 20, 3, ("RF01",), materials=4),
    )
}  # fmt: skip

# Asked for once per project; every other item once per 工程.
PROJECT_LEVEL = frozenset({*FILING, "FG04", "ZG01", "ZG02", "SW01", "SW02", "ST01", "ST02"})


@dataclass(frozen=True)
class Reform:
    """Version 2 of an item: a shorter promise, and the true factor on the days a case is worked on."""

    item_code: str
    promised: int
    handling_factor: float


REFORM_DATE = date(2025, 3, 1)
REFORMS = {
    reform.item_code: reform
    for reform in (
        Reform("ZG03", 7, 0.70),
        Reform("ZG04", 5, 0.72),
        Reform("ZJ01", 7, 0.68),
        Reform("ZJ03", 2, 0.70),
    )
}


def version_on(item: Item, day: date, reforms: Mapping[str, Reform] = REFORMS) -> tuple[int, int]:
    """(version, promised limit) of an item for a case received on `day`."""
    if item.code in reforms and day >= REFORM_DATE:
        return 2, reforms[item.code].promised
    return 1, item.promised
