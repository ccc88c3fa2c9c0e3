with batches as (
    select * from {{ source('landing', 'batch') }}
)

select
    batch_id,
    department as source_department,
    table_name,
    landed_at
from batches
