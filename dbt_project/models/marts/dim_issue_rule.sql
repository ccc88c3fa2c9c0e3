with rules as (
    select * from {{ ref('issue_rules') }}
)

select
    rule,
    rule_name,
    severity,
    entity,
    meaning,
    remedy,
    source
from rules
