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

-- What an item is, its name and stage, is known also on days on which none of its versions was in force: as the version
-- before said or, before them all, as the first one does. Its limits are not.
described as (
    select
        items.*,
        case when lag(effective_from) over versions is null then date '1900-01-01' else effective_from end as described_from,
        coalesce(lead(effective_from) over versions - 1, date '9999-12-31') as described_to
    from items
    where effective_from <= effective_to
    window versions as (partition by item_code order by effective_from)
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
    coalesce(named.item_name, described.item_name, dated.given_item_name) as item_name,
    coalesce(named.stage_number, described.stage_number) as stage_number,
    coalesce(named.item_kind, described.item_kind) as item_kind,
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
left join described
    on described.item_code = dated.item_code
    and dated.limits_date between described.described_from and described.described_to
left join items as in_force
    on in_force.item_code = dated.item_code
    and dated.limits_date between in_force.effective_from and in_force.effective_to
