with works as (
    select * from {{ ref('int_works') }}
),

named as (
    select distinct
        works.works_code,
        works.project_code,
        {{ canonical_code('predecessor') }} as predecessor_works_code
    from works
    cross join lateral regexp_split_to_table(works.predecessor_works_codes, '[,;，；、\s]+') as predecessor
),

linked as (
    select
        named.works_code,
        named.project_code,
        named.predecessor_works_code,
        coalesce(predecessors.project_code, {{ project_prefix('named.predecessor_works_code') }}) as predecessor_project_code,
        predecessors.works_code is not null as is_predecessor_known,
        (count(*) over (partition by named.works_code))::integer as predecessor_count,
        (count(*) over (partition by named.predecessor_works_code))::integer as successor_count
    from named
    left join works as predecessors on predecessors.works_code = named.predecessor_works_code
    where named.predecessor_works_code is not null
        and named.predecessor_works_code != named.works_code
)

select
    works_code,
    predecessor_works_code,
    project_code,
    predecessor_project_code,
    is_predecessor_known,
    predecessor_project_code = project_code as is_same_project,
    case
        when predecessor_count > 1 and successor_count > 1 then 'split_and_merged'
        when predecessor_count > 1 then 'merged'
        when successor_count > 1 then 'split'
        else 'continued'
    end as lineage_kind,
    predecessor_count,
    successor_count,
    {{ as_of() }} as as_of
from linked
