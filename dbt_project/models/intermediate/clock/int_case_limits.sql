with cases as (
    select * from {{ ref('int_cases') }}
),

-- of changed cases alone, and so is what is joined to it: told twice, the planner would expect a single row and loop
acceptances as (
    select * from {{ ref('int_case_acceptances') }}
),

items as (
    select * from {{ ref('int_items') }}
),

-- the catalogue version the case names, else the one in force on the day its clock began
dated as (
    select
        cases.*,
        coalesce(acceptances.accepted_date, acceptances.received_date, acceptances.first_event_date, {{ case_as_of() }}) as limits_date
    from cases
    inner join acceptances using (case_id)
)

-- a limit whose unit nobody gave has none: it is shown, and no clock counts it
select
    dated.case_id,
    coalesce(named.item_version, in_force.item_version, dated.given_item_version) as item_version,
    coalesce(named.item_name, in_force.item_name, dated.given_item_name) as item_name,
    coalesce(named.stage_number, in_force.stage_number) as stage_number,
    coalesce(named.item_kind, in_force.item_kind) as item_kind,
    coalesce(named.allows_commitment, in_force.allows_commitment) as allows_commitment,
    coalesce(dated.given_promised_limit, named.promised_limit, in_force.promised_limit) as promised_limit,
    coalesce(
        case when dated.given_promised_limit is not null then dated.given_limit_unit end,
        named.promised_unit,
        in_force.promised_unit
    ) as promised_unit,
    coalesce(named.statutory_limit, in_force.statutory_limit) as statutory_limit,
    coalesce(named.statutory_unit, in_force.statutory_unit) as statutory_unit
from dated
left join items as named
    on named.item_code = dated.item_code
    and named.item_version = dated.given_item_version
left join items as in_force
    on in_force.item_code = dated.item_code
    and dated.limits_date between in_force.effective_from and in_force.effective_to
