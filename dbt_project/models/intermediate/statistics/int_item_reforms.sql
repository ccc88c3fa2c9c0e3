-- a version that was never in force was no step of the reform
with items as (
    select * from {{ ref('int_items') }}
    where effective_from <= effective_to
),

build as (
    select * from {{ ref('int_build') }}
),

followed as (
    select
        items.*,
        lag(item_version) over versions as version_before,
        lag(promised_limit) over versions as promised_before,
        lag(promised_unit) over versions as unit_before
    from items
    window versions as (partition by item_code order by effective_from)
)

select
    followed.item_code,
    followed.item_name,
    followed.department_id,
    followed.effective_from as reform_date,
    followed.version_before,
    followed.item_version as version_after,
    followed.promised_before,
    followed.promised_limit as promised_after
from followed
inner join build on followed.effective_from <= build.as_of
where followed.promised_limit < followed.promised_before
    and followed.promised_unit = followed.unit_before
