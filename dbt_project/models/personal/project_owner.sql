with projects as (
    select * from {{ ref('int_projects') }}
)

select
    project_code,
    project_name,
    owner_name,
    owner_credit_code as owner_id_number,
    {{ as_of() }} as as_of
from projects
where {{ is_person('owner_name', 'owner_credit_code') }} or is_household_pv
