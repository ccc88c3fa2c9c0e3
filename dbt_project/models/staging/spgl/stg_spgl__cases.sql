{{ spgl_cases() }}
