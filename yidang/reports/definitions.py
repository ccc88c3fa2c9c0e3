"""What each metric means, in the words of an annex (附件1). The formulas are dbt's; these are their reading."""

from __future__ import annotations

DEFINITIONS = {
    "cases_received": "按收件日期归期的办件；补正后重新申报的另计。",
    "cases_accepted": "计时开始的办件，含逾期未告知补正而视为受理的办件。",
    "cases_decided": "作出准予或者不予决定的办件；以决定日期为准，不以证件送达日期为准；撤件、不予受理不计。",
    "cases_open": "截至统计日尚未决定、撤件或者不予受理的办件。",
    "cases_overdue_open": "在办办件中，净审批用时已超过承诺时限的办件。",
    "cases_withdrawn": "决定前由申请人撤件的办件，按收件日期归期。",
    "on_time_rate": (
        "承诺时限内办结的办件数÷应于本期办结的办件数。到期未办结的计入分母；到期前撤件的不计；暂停计时的视为尚未到期。"
    ),
    "statutory_overdue_rate": "超过法定时限的办件数÷法定时限于本期届满的办件数。受理后补正不停止法定时限的计算。",
    "median_elapsed_days": (
        "已办结办件净审批用时的中位数：受理次日至办结日的工作日，扣除依法不计入时限的天数；当日办结为零。"
        "在办办件不在其中。"
    ),
    "p90_elapsed_days": "已办结办件净审批用时的第90百分位数（线性内插），即九成办件不超过该值。",
    "mean_elapsed_days": "已办结办件净审批用时的算术平均数，只供对照；长时间未办结的办件越多，该数越偏低。",
    "promise_compression_catalogue": "现行事项（法定时限－承诺时限）之和÷法定时限之和。只反映目录，与办件多少无关。",
    "promise_compression_cases": "已办结办件（法定时限－承诺时限）之和÷法定时限之和，只计两者单位相同的办件。",
    "actual_vs_statutory": "已办结办件（法定时限－法定口径用时）之和÷法定时限之和，以法定时限为基准。",
    "actual_vs_promised": "已办结办件（承诺时限－净审批用时）之和÷承诺时限之和，只计承诺时限不少于一个工作日的办件。",
    "excluded_days_share": (
        "已办结办件扣除的工作日之和÷受理至办结的工作日之和。应与用时中位数一并看：扣除越多，净用时越短。"
    ),
    "correction_rate": "有补正要求的办件数÷收件数。",
    "stage_union_days_median": (
        "一个工程在一个阶段内，至少有一个事项正在办理的工作日数，取已完成阶段的中位数；并联事项重叠的日子只计一次。"
    ),
    "stage_span_days_median": "已完成阶段首次受理至最后决定的自然日的中位数，含建设单位用时。",
    "project_count": "已登记的项目，按项目代码去重。",
    "projects_finished": "全部工程均已竣工验收备案的项目，按最后一次备案的月份归期。",
    "project_approval_days_median": (
        "已竣工项目四个主线阶段净审批用时的中位数；一个项目有多个工程的，取用时最长的工程。并行推进事项不在其中。"
    ),
    "project_span_days_median": "已竣工项目四个主线阶段首次受理至最后决定的自然日的中位数，含建设单位用时。",
    "catalogue_item_count": "在所列日期有效的事项版本数。",
    "catalogue_step_count": "有效事项办理环节数之和，不是一个项目实际经过的环节数。",
    "catalogue_material_count": "有效事项申请材料数之和，按份计，不按页计；不同事项要求同一材料的重复计算。",
    "catalogue_visit_count": "有效事项规定的最少跑动次数之和，不是实际到窗口的次数。",
    "catalogue_fee_yuan": "有效事项行政事业性收费之和，不含中介服务费。",
    "catalogue_statutory_limit_days": "有效事项法定时限之和，只计以工作日为单位的事项。",
    "catalogue_promised_limit_days": "有效事项承诺时限之和，只计以工作日为单位的事项。",
}
