{{ spgl_case_events() }}
